use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::spoken;

#[expect(clippy::needless_pass_by_value, reason = "tables read better with the macro as an argument")]
fn check(written: &[&str], expected: Expect) {
    let lines: Vec<String> = written.iter().map(|written| format!("{written}\n  {}\n", spoken(written))).collect();
    expected.assert_eq(&lines.concat());
}

#[test]
fn ordinary_sentences_stay_as_they_are() {
    for sentence in [
        "May I come in? Yes, you may; march on, and mar nothing.",
        "I am in. He is as good as it is, so be it.",
        "Well... I think - no, I know - that it's fine!",
        "\"Don't,\" she said, \"or I'll go.\"",
        "Sam and I went to the U.N. building, then home (late).",
        "Mix it in a bowl, then sit at the table. Is it OK?",
        "What a day: sun, rain and wind. No. Not me.",
        "Müller's café has crème brûlée.",
    ] {
        assert_eq!(spoken(sentence), sentence.replace("U.N.", "UN"));
    }
}

#[test]
fn what_an_assistant_says() {
    check(
        &[
            "It's 4:30 PM and 21°C in Berlin.",
            "The time is 18:05. Your train leaves at 09:00, platform 3.",
            "I set a timer for 10 min, and one for 1.5 h.",
            "That's 72°F, with 10% chance of rain and wind at 15 km/h.",
            "On Monday, January 5, 2026 at 8:00 a.m. you have 2 appointments.",
            "The recipe needs 1/2 cup of sugar, 2 1/2 cups of flour & 250 g butter.",
            "The population is 8,336,817, up 1.5% since 2010.",
            "It costs $3.99, i.e. about €3.50 or 5 EUR.",
            "5 + 3 = 8, 10 / 2 = 5 and 2 * 3 = 6; 7 - 4 = 3.",
            "Dr. Smith lives at 221 Baker St. in London.",
            "Mt. Everest is 8,849 m (29,032 ft) tall.",
            "The Apollo 11 landing was in 1969; World War II ended in 1945, Henry VIII died in 1547.",
            "Call me on 555-1234 or +44 20 7946 0958.",
            "See www.example.co.uk or mail jo.doe@example.org.",
            "It's 5 in the morning and 3 in 10 are asleep.",
            "There are 1440 minutes in a day and 1000 m in a km.",
            "The 3rd of 12 items is on the 21st floor, room 404.",
            "Turn to p. 5, No. 7 and Fig. 3.",
            "He ran 100 m in 9.58 s, i.e. 10.44 m/s.",
            "The score was 3-1, then 2:0; odds are 5:1.",
            "It's open 9am-5pm, 9-11 am, Mon, Jan 5 and 10:00-18:00.",
            "She is 5'10\" and 12 years old, a 12-year-old.",
            "COVID-19, MP3, H2O, 4K, 5G, B2B and the 80s.",
            "Python 3.12.1 and v2.0 at 192.168.0.1.",
            "It is -5°C, i.e. 23° F; a 90° angle; ±5%.",
            "I have 100s of 20s in the 1990s, early-2000s.",
            "A → B, x < 5, y ≥ 3, #1 & ~50.",
            "30.06.2024 and 2024-06-30 and 6/30/2024, by 12/25.",
            "between 5 and 10 kg, 5-10 kg, 20%-30%, 5 to 6 ft 2 in.",
            "Is it 1st, 2nd or 3rd? It's 11th.",
        ],
        expect![[r#"
            It's 4:30 PM and 21°C in Berlin.
              It's four thirty PM and twenty one degrees Celsius in Berlin.
            The time is 18:05. Your train leaves at 09:00, platform 3.
              The time is eighteen oh five. Your train leaves at nine o'clock, platform three.
            I set a timer for 10 min, and one for 1.5 h.
              I set a timer for ten minutes, and one for one point five hours.
            That's 72°F, with 10% chance of rain and wind at 15 km/h.
              That's seventy two degrees Fahrenheit, with ten percent chance of rain and wind at fifteen kilometers per hour.
            On Monday, January 5, 2026 at 8:00 a.m. you have 2 appointments.
              On Monday, january fifth, twenty twenty six at eight AM you have two appointments.
            The recipe needs 1/2 cup of sugar, 2 1/2 cups of flour & 250 g butter.
              The recipe needs one half cup of sugar, two and one half cups of flour and two hundred and fifty grams butter.
            The population is 8,336,817, up 1.5% since 2010.
              The population is eight million three hundred thirty six thousand eight hundred and seventeen, up one point five percent since twenty ten.
            It costs $3.99, i.e. about €3.50 or 5 EUR.
              It costs three dollars ninety nine cents, that is about three euros fifty cents or five euros.
            5 + 3 = 8, 10 / 2 = 5 and 2 * 3 = 6; 7 - 4 = 3.
              five plus three equals eight, ten divided by two equals five and two times three equals six; seven minus four equals three.
            Dr. Smith lives at 221 Baker St. in London.
              doctor Smith lives at two twenty one Baker Street in London.
            Mt. Everest is 8,849 m (29,032 ft) tall.
              mount Everest is eight thousand eight hundred and forty nine meters (twenty nine thousand and thirty two feet) tall.
            The Apollo 11 landing was in 1969; World War II ended in 1945, Henry VIII died in 1547.
              The Apollo eleven landing was in nineteen sixty nine; World War two ended in nineteen forty five, Henry the eighth died in fifteen forty seven.
            Call me on 555-1234 or +44 20 7946 0958.
              Call me on five five five, one two three four or plus four four, two zero, seven nine four six, zero nine five eight.
            See www.example.co.uk or mail jo.doe@example.org.
              See WWW dot example dot co dot UK or mail jo dot doe at example dot org.
            It's 5 in the morning and 3 in 10 are asleep.
              It's five in the morning and three in ten are asleep.
            There are 1440 minutes in a day and 1000 m in a km.
              There are one thousand four hundred and forty minutes in a day and one thousand meters in a km.
            The 3rd of 12 items is on the 21st floor, room 404.
              The third of twelve items is on the twenty first floor, room four oh four.
            Turn to p. 5, No. 7 and Fig. 3.
              Turn to page five, number seven and figure three.
            He ran 100 m in 9.58 s, i.e. 10.44 m/s.
              He ran one hundred meters in nine point five eight seconds, that is ten point four four meters per second.
            The score was 3-1, then 2:0; odds are 5:1.
              The score was three to one, then two to zero; odds are five to one.
            It's open 9am-5pm, 9-11 am, Mon, Jan 5 and 10:00-18:00.
              It's open nine AM to five PM, nine to eleven AM, Monday, january fifth and ten o'clock to eighteen o'clock.
            She is 5'10" and 12 years old, a 12-year-old.
              She is five feet ten inches and twelve years old, a twelve-year-old.
            COVID-19, MP3, H2O, 4K, 5G, B2B and the 80s.
              COVID-nineteen, MP three, H two O, four K, five G, B two B and the eighties.
            Python 3.12.1 and v2.0 at 192.168.0.1.
              Python three point twelve point one and version two point zero at one nine two dot one six eight dot zero dot one.
            It is -5°C, i.e. 23° F; a 90° angle; ±5%.
              It is minus five degrees Celsius, that is twenty three degrees Fahrenheit; a ninety degrees angle; plus or minus five percent.
            I have 100s of 20s in the 1990s, early-2000s.
              I have hundreds of twenties in the nineteen nineties, early two thousands.
            A → B, x < 5, y ≥ 3, #1 & ~50.
              A to B, x is less than five, y is at least three, number one and about fifty.
            30.06.2024 and 2024-06-30 and 6/30/2024, by 12/25.
              the thirtieth of june twenty twenty four and june thirtieth twenty twenty four and june thirtieth twenty twenty four, by december twenty fifth.
            between 5 and 10 kg, 5-10 kg, 20%-30%, 5 to 6 ft 2 in.
              between five and ten kilograms, five to ten kilograms, twenty percent to thirty percent, five to six feet two inches
            Is it 1st, 2nd or 3rd? It's 11th.
              Is it first, second or third? It's eleventh.
        "#]],
    );
}

#[test]
fn it_is_fast_and_always_ends() {
    // Text without spaces must not make the look-ahead of one class cost the square of its length.
    for hard in ["a.", "1,", "1/", "(", "<", "[A ", "1-", "+1 ", "$", "a1-", "I.", "1 x "] {
        let _ = spoken(&hard.repeat(5_000));
    }
}

proptest! {
    #[test]
    fn any_text_is_read(text in "\\PC{0,200}") {
        let _ = spoken(&text);
    }

    #[test]
    fn numbers_among_marks_are_read(text in "[0-9a-zA-ZéIVX.,:/$€%°²½ +x=@#<>\\[\\]()'\"–-]{0,60}") {
        let said = spoken(&text);
        prop_assert!(!said.starts_with(' ') && !said.ends_with(' '));
    }

    #[test]
    fn no_ascii_digit_is_left(whole in 0u64.., fraction in 0u32..1000) {
        let said = spoken(&format!("{whole} {whole}.{fraction} {whole}%"));
        prop_assert!(!said.contains(|c: char| c.is_ascii_digit()), "{said}");
    }

    #[test]
    fn words_are_left_alone(words in proptest::collection::vec("[b-hj-z][a-z]{3,9}", 1..12)) {
        let known = ["approx", "dept"];
        prop_assume!(!words.iter().any(|word| known.contains(&word.as_str())));
        let sentence = format!("{}.", words.join(" "));
        prop_assert_eq!(spoken(&sentence), sentence);
    }
}
