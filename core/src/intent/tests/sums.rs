use super::{quiet, transcript};
use expect_test::expect;

#[test]
fn sums() {
    let said = transcript(
        &quiet(),
        &[
            "what is twelve times seven",
            "what's 12 x 7",
            "What's 12x7?",
            "5+3",
            "5 - 3",
            "what is 5 - -3",
            "how much is eighty minus one hundred",
            "half of ninety",
            "what is a third of ninety nine",
            "square root of eighty one",
            "what is the square root of two",
            "what's 15% of 80",
            "what is 20 percent off 50",
            "two plus three times four",
            "two plus three times four squared",
            "(2 + 3) * 4",
            "ten divided by four",
            "ten divided by three",
            "what is one point five times two",
            "0.1 + 0.2",
            "negative five plus two",
            "minus five times minus five",
            "two to the power of ten",
            "2^10",
            "five cubed",
            "1,000 + 250",
            "one hundred and five plus two thousand three hundred and forty two",
            "what is two million times three",
            "double forty five",
            "what is twice ten plus one",
            "add five and three",
            "add one hundred and five and six",
            "subtract five from twenty",
            "multiply six by seven",
            "divide ninety by nine",
            "what percent of eighty is twenty",
            "what is the answer to two times three",
            "what does two plus two equal",
            "what is two plus two equal to",
            "a dozen times twelve",
            "one divided by eight",
            "1 / 3000",
            "two thirds plus one third",
            "what is 1/2 + 1/4",
            "seven over two",
            "what is the square of five",
            "three to the fourth power",
            "zero times minus five",
        ],
    );
    expect![[r#"
        what is twelve times seven -> Calculate: That's 84.
        what's 12 x 7 -> Calculate: That's 84.
        What's 12x7? -> Calculate: That's 84.
        5+3 -> Calculate: That's 8.
        5 - 3 -> Calculate: That's 2.
        what is 5 - -3 -> Calculate: That's 2.
        how much is eighty minus one hundred -> Calculate: That's minus 20.
        half of ninety -> Calculate: That's 45.
        what is a third of ninety nine -> Calculate: That's 33.
        square root of eighty one -> Calculate: That's 9.
        what is the square root of two -> Calculate: That's about 1.41.
        what's 15% of 80 -> Calculate: That's 12.
        what is 20 percent off 50 -> Calculate: That's 40.
        two plus three times four -> Calculate: That's 14.
        two plus three times four squared -> Calculate: That's 50.
        (2 + 3) * 4 -> Calculate: That's 20.
        ten divided by four -> Calculate: That's 2.5.
        ten divided by three -> Calculate: That's about 3.33.
        what is one point five times two -> Calculate: That's 3.
        0.1 + 0.2 -> Calculate: That's 0.3.
        negative five plus two -> Calculate: That's minus 3.
        minus five times minus five -> Calculate: That's 25.
        two to the power of ten -> Calculate: That's 1,024.
        2^10 -> Calculate: That's 1,024.
        five cubed -> Calculate: That's 125.
        1,000 + 250 -> Calculate: That's 1,250.
        one hundred and five plus two thousand three hundred and forty two -> Calculate: That's 2,447.
        what is two million times three -> Calculate: That's 6,000,000.
        double forty five -> Calculate: That's 90.
        what is twice ten plus one -> Calculate: That's 21.
        add five and three -> Calculate: That's 8.
        add one hundred and five and six -> Calculate: That's 111.
        subtract five from twenty -> Calculate: That's 15.
        multiply six by seven -> Calculate: That's 42.
        divide ninety by nine -> Calculate: That's 10.
        what percent of eighty is twenty -> Calculate: That's 25 percent.
        what is the answer to two times three -> Calculate: That's 6.
        what does two plus two equal -> Calculate: That's 4.
        what is two plus two equal to -> Calculate: That's 4.
        a dozen times twelve -> Calculate: That's 144.
        one divided by eight -> Calculate: That's 0.125.
        1 / 3000 -> Calculate: That's about 0.000333.
        two thirds plus one third -> Calculate: That's 1.
        what is 1/2 + 1/4 -> Calculate: That's 0.75.
        seven over two -> Calculate: That's 3.5.
        what is the square of five -> Calculate: That's 25.
        three to the fourth power -> Calculate: That's 81.
        zero times minus five -> Calculate: That's 0.
    "#]]
    .assert_eq(&said);
}

#[test]
fn sums_without_a_value() {
    let said = transcript(
        &quiet(),
        &[
            "what is ten divided by zero",
            "what is 0 / 0",
            "what percent of zero is five",
            "square root of minus four",
            "nine to the power of nine to the power of nine",
            "two to the power of two hundred",
        ],
    );
    expect![[r#"
        what is ten divided by zero -> Calculate: Nothing can be divided by zero.
        what is 0 / 0 -> Calculate: Nothing can be divided by zero.
        what percent of zero is five -> Calculate: Nothing can be divided by zero.
        square root of minus four -> Calculate: A negative number has no real root.
        nine to the power of nine to the power of nine -> Calculate: That's too large a number for me.
        two to the power of two hundred -> Calculate: That's about 1.61 times 10 to the power of 60.
    "#]]
    .assert_eq(&said);
}

#[test]
fn conversions() {
    let said = transcript(
        &quiet(),
        &[
            "how many cups in a litre",
            "how many cups are in a liter",
            "convert ten miles to kilometres",
            "ten miles in km",
            "what is 70 fahrenheit in celsius",
            "what's 70°F in Celsius",
            "twenty degrees celsius in fahrenheit",
            "what is minus forty celsius in fahrenheit",
            "convert zero kelvin to celsius",
            "how many grams in a pound",
            "how many ounces are in a pound",
            "how many ounces are in a cup",
            "eight ounces in millilitres",
            "how many inches in five foot ten",
            "six feet two inches in centimetres",
            "how many feet are there in a mile",
            "how many centimetres is one inch",
            "half a litre in pints",
            "a quarter of a mile in metres",
            "two and a half cups in ml",
            "one and a half teaspoons in millilitres",
            "sixty miles per hour in kilometres per hour",
            "100 km/h in mph",
            "how many minutes in an hour and a half",
            "how many seconds are in a day",
            "how many days in a year",
            "how many weeks in a year",
            "how many megabytes in a gigabyte",
            "convert 3 gigabytes to megabits",
            "how many litres in an imperial gallon",
            "twelve stone in kilos",
            "how many square feet in an acre",
            "how many teaspoons to a tablespoon",
            "how many miles in five kilometers",
            "three kilograms to pounds",
            "what is twenty degrees in fahrenheit",
        ],
    );
    expect![[r#"
        how many cups in a litre -> ConvertUnits: 1 litre is about 4.23 cups.
        how many cups are in a liter -> ConvertUnits: 1 liter is about 4.23 cups.
        convert ten miles to kilometres -> ConvertUnits: 10 miles is about 16.09 kilometres.
        ten miles in km -> ConvertUnits: 10 miles is about 16.09 kilometres.
        what is 70 fahrenheit in celsius -> ConvertUnits: 70 degrees Fahrenheit is about 21.1 degrees Celsius.
        what's 70°F in Celsius -> ConvertUnits: 70 degrees Fahrenheit is about 21.1 degrees Celsius.
        twenty degrees celsius in fahrenheit -> ConvertUnits: 20 degrees Celsius is 68 degrees Fahrenheit.
        what is minus forty celsius in fahrenheit -> ConvertUnits: Minus 40 degrees Celsius is minus 40 degrees Fahrenheit.
        convert zero kelvin to celsius -> ConvertUnits: 0 kelvin is minus 273.15 degrees Celsius.
        how many grams in a pound -> ConvertUnits: 1 pound is about 453.59 grams.
        how many ounces are in a pound -> ConvertUnits: 1 pound is 16 ounces.
        how many ounces are in a cup -> ConvertUnits: 1 cup is 8 fluid ounces.
        eight ounces in millilitres -> ConvertUnits: 8 fluid ounces is about 236.59 millilitres.
        how many inches in five foot ten -> ConvertUnits: 5 feet and 10 inches is 70 inches.
        six feet two inches in centimetres -> ConvertUnits: 6 feet and 2 inches is 187.96 centimetres.
        how many feet are there in a mile -> ConvertUnits: 1 mile is 5,280 feet.
        how many centimetres is one inch -> ConvertUnits: 1 inch is 2.54 centimetres.
        half a litre in pints -> ConvertUnits: 0.5 litres is about 1.06 pints.
        a quarter of a mile in metres -> ConvertUnits: 0.25 miles is 402.336 metres.
        two and a half cups in ml -> ConvertUnits: 2.5 cups is about 591.47 millilitres.
        one and a half teaspoons in millilitres -> ConvertUnits: 1.5 teaspoons is about 7.39 millilitres.
        sixty miles per hour in kilometres per hour -> ConvertUnits: 60 miles per hour is about 96.56 kilometres per hour.
        100 km/h in mph -> ConvertUnits: 100 kilometres per hour is about 62.14 miles per hour.
        how many minutes in an hour and a half -> ConvertUnits: 1.5 hours is 90 minutes.
        how many seconds are in a day -> ConvertUnits: 1 day is 86,400 seconds.
        how many days in a year -> ConvertUnits: 1 year is 365 days.
        how many weeks in a year -> ConvertUnits: 1 year is about 52.14 weeks.
        how many megabytes in a gigabyte -> ConvertUnits: 1 gigabyte is 1,000 megabytes.
        convert 3 gigabytes to megabits -> ConvertUnits: 3 gigabytes is 24,000 megabits.
        how many litres in an imperial gallon -> ConvertUnits: 1 imperial gallon is about 4.55 litres.
        twelve stone in kilos -> ConvertUnits: 12 stone is about 76.2 kilos.
        how many square feet in an acre -> ConvertUnits: 1 acre is 43,560 square feet.
        how many teaspoons to a tablespoon -> ConvertUnits: 1 tablespoon is 3 teaspoons.
        how many miles in five kilometers -> ConvertUnits: 5 kilometers is about 3.11 miles.
        three kilograms to pounds -> ConvertUnits: 3 kilograms is about 6.61 pounds.
        what is twenty degrees in fahrenheit -> ConvertUnits: 20 degrees Celsius is 68 degrees Fahrenheit.
    "#]].assert_eq(&said);
}

#[test]
fn conversions_that_cannot_be() {
    let said = transcript(
        &quiet(),
        &[
            "how many grams in a cup",
            "convert ten miles to kilograms",
            "how many feet are in a pound",
            "minus five hundred celsius in fahrenheit",
        ],
    );
    expect![[r#"
        how many grams in a cup -> ConvertUnits: Cups measure volume and grams measure weight, so I can't convert one into the other.
        convert ten miles to kilograms -> ConvertUnits: Miles measure length and kilograms measure weight, so I can't convert one into the other.
        how many feet are in a pound -> ConvertUnits: Pounds measure weight and feet measure length, so I can't convert one into the other.
        minus five hundred celsius in fahrenheit -> ConvertUnits: That's below absolute zero.
    "#]]
    .assert_eq(&said);
}

#[test]
fn neither_sum_nor_conversion() {
    let said = transcript(
        &quiet(),
        &[
            "what is five",
            "five",
            "twenty twenty",
            "what is five dollars in euros",
            "five times a day",
            "how many people live in a mile",
            "what is love times two",
            "what is the capital of france divided by two",
            "how far is a mile from here",
            "convert ten dollars to pounds",
            "what is 4:30 plus 5",
            "what is two plus",
            "how many feet does a centipede have",
            "what's 5!",
            "twenty four seven",
            "(2 + 3",
        ],
    );
    expect![[r#"
        what is five -> not understood
        five -> not understood
        twenty twenty -> not understood
        what is five dollars in euros -> not understood
        five times a day -> not understood
        how many people live in a mile -> not understood
        what is love times two -> not understood
        what is the capital of france divided by two -> not understood
        how far is a mile from here -> not understood
        convert ten dollars to pounds -> not understood
        what is 4:30 plus 5 -> not understood
        what is two plus -> not understood
        how many feet does a centipede have -> not understood
        what's 5! -> not understood
        twenty four seven -> not understood
        (2 + 3 -> not understood
    "#]]
    .assert_eq(&said);
}
