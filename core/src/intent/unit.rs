//! Units of measure: how people call them, and how they convert.
//!
//! Factors are exact by definition (the international yard and pound of 1959, the SI brochure) save where noted.
//! Gallons, pints, cups and spoons are the United States' customary ones unless called imperial.

/// What a unit measures. Units of one dimension convert into each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dimension {
    Length,
    Area,
    Mass,
    Volume,
    Temperature,
    Speed,
    Time,
    Data,
}

impl Dimension {
    /// As in "litres measure volume".
    pub(super) fn noun(self) -> &'static str {
        match self {
            Dimension::Length => "length",
            Dimension::Area => "area",
            Dimension::Mass => "weight",
            Dimension::Volume => "volume",
            Dimension::Temperature => "temperature",
            Dimension::Speed => "speed",
            Dimension::Time => "time",
            Dimension::Data => "data",
        }
    }
}

#[derive(Debug)]
struct Unit {
    dimension: Dimension,
    /// One of this unit in the dimension's base unit: metre, square metre, gram, litre, kelvin, metre per second,
    /// second, byte.
    factor: f64,
    /// Added before the factor applies; only temperatures have one.
    shift: f64,
    /// Singular and plural, one pair per spelling. A reply uses the spelling of the question.
    names: &'static [(&'static str, &'static str)],
    /// Other ways to write or say it, for which a reply uses the first name.
    symbols: &'static [&'static str],
}

/// A unit as somebody spelled it.
#[derive(Clone, Copy, Debug)]
pub struct UnitName {
    unit: &'static Unit,
    spelling: usize,
}

impl PartialEq for UnitName {
    /// The same unit, however spelled.
    fn eq(&self, other: &UnitName) -> bool {
        std::ptr::eq(self.unit, other.unit)
    }
}

/// The most words that a unit's name has.
const MAX_WORDS: usize = 4;

impl UnitName {
    /// The unit that `words` name, all of them.
    pub(super) fn parse(words: &[&str]) -> Option<UnitName> {
        if words.len() > MAX_WORDS {
            return None;
        }
        let name = words.join(" ");
        UNITS.iter().find_map(|unit| {
            let same = |other: &str| other.eq_ignore_ascii_case(&name);
            let spelled = unit.names.iter().position(|(one, many)| same(one) || same(many));
            let spelling = spelled.or_else(|| unit.symbols.iter().any(|symbol| same(symbol)).then_some(0))?;
            Some(UnitName { unit, spelling })
        })
    }

    /// The unit with the longest name at the start of `words`, and how many words it takes.
    pub(super) fn leading(words: &[&str]) -> Option<(UnitName, usize)> {
        (1..=words.len().min(MAX_WORDS)).rev().find_map(|taken| Some((UnitName::parse(&words[..taken])?, taken)))
    }

    pub(super) fn dimension(self) -> Dimension {
        self.unit.dimension
    }

    /// `amount` of this unit in the base unit of its dimension.
    pub(super) fn to_base(self, amount: f64) -> f64 {
        (amount + self.unit.shift) * self.unit.factor
    }

    /// `amount` of the dimension's base unit in this unit.
    pub(super) fn of_base(self, amount: f64) -> f64 {
        amount / self.unit.factor - self.unit.shift
    }

    /// Whether one of this unit is less than one of `other`.
    pub(super) fn is_smaller_than(self, other: UnitName) -> bool {
        self.unit.factor < other.unit.factor
    }

    /// The unit of a number that follows without one: "five foot ten", "an hour thirty".
    pub(super) fn next_smaller(self) -> Option<UnitName> {
        let smaller = match self.unit.names[0].0 {
            "hour" => "minute",
            "minute" => "second",
            "foot" => "inch",
            "stone" => "pound",
            "pound" => "ounce",
            _ => return None,
        };
        UnitName::parse(&[smaller])
    }

    /// The scale that degrees without a name have, if somebody wants them in this one.
    pub(super) fn other_scale(self) -> Option<UnitName> {
        match self.unit.names[0].0 {
            "degree Fahrenheit" => UnitName::parse(&["celsius"]),
            "degree Celsius" => UnitName::parse(&["fahrenheit"]),
            _ => None,
        }
    }

    /// The unit meant beside `other`: ounces beside cups are fluid ounces.
    pub(super) fn beside(self, other: UnitName) -> UnitName {
        let fluid = self.unit.names[0].0 == "ounce" && other.dimension() == Dimension::Volume;
        fluid.then(|| UnitName::parse(&["fluid", "ounces"])).flatten().unwrap_or(self)
    }

    /// "litre" for exactly one, else "litres".
    pub(super) fn name(self, amount: f64) -> &'static str {
        let (one, many) = self.unit.names[self.spelling];
        if (amount.abs() - 1.0).abs() < f64::EPSILON { one } else { many }
    }
}

type Names = &'static [(&'static str, &'static str)];

const fn unit(dimension: Dimension, factor: f64, names: Names, symbols: &'static [&'static str]) -> Unit {
    Unit { dimension, factor, shift: 0.0, names, symbols }
}

const fn temperature(factor: f64, shift: f64, names: Names, symbols: &'static [&'static str]) -> Unit {
    Unit { dimension: Dimension::Temperature, factor, shift, names, symbols }
}

use Dimension::{Area, Data, Length, Mass, Speed, Time, Volume};

const US_GALLON: f64 = 3.785_411_784;
const IMPERIAL_GALLON: f64 = 4.546_09;
const MILE: f64 = 1_609.344;
/// The common year, which is what "how many days in a year" asks for.
const YEAR: f64 = 365.0 * 86_400.0;

#[rustfmt::skip]
static UNITS: &[Unit] = &[
    unit(Length, 1e-6, &[("micrometre", "micrometres"), ("micrometer", "micrometers"), ("micron", "microns")], &[]),
    unit(Length, 1e-3, &[("millimetre", "millimetres"), ("millimeter", "millimeters")], &["mm"]),
    unit(Length, 1e-2, &[("centimetre", "centimetres"), ("centimeter", "centimeters")], &["cm", "cms"]),
    unit(Length, 1.0, &[("metre", "metres"), ("meter", "meters")], &["m"]),
    unit(Length, 1e3, &[("kilometre", "kilometres"), ("kilometer", "kilometers")], &["km", "kms", "k m", "kilometer's"]),
    unit(Length, 0.0254, &[("inch", "inches")], &[]),
    unit(Length, 0.3048, &[("foot", "feet")], &["ft"]),
    unit(Length, 0.9144, &[("yard", "yards")], &["yd", "yds"]),
    unit(Length, MILE, &[("mile", "miles")], &["mi"]),
    unit(Length, 1852.0, &[("nautical mile", "nautical miles")], &[]),
    unit(Length, 9_460_730_472_580_800.0, &[("light year", "light years")], &["lightyear", "lightyears"]),

    unit(Area, 1.0, &[("square metre", "square metres"), ("square meter", "square meters")], &["m²", "m2"]),
    unit(Area, 1e-4, &[("square centimetre", "square centimetres"), ("square centimeter", "square centimeters")], &["cm²"]),
    unit(Area, 1e6, &[("square kilometre", "square kilometres"), ("square kilometer", "square kilometers")], &["km²"]),
    unit(Area, 0.000_645_16, &[("square inch", "square inches")], &[]),
    unit(Area, 0.092_903_04, &[("square foot", "square feet")], &["sq ft", "ft²"]),
    unit(Area, 0.836_127_36, &[("square yard", "square yards")], &[]),
    unit(Area, MILE * MILE, &[("square mile", "square miles")], &[]),
    unit(Area, 4_046.856_422_4, &[("acre", "acres")], &[]),
    unit(Area, 1e4, &[("hectare", "hectares")], &[]),

    unit(Mass, 1e-3, &[("milligram", "milligrams"), ("milligramme", "milligrammes")], &["mg"]),
    unit(Mass, 1.0, &[("gram", "grams"), ("gramme", "grammes")], &["g", "gs"]),
    unit(Mass, 1e3, &[("kilogram", "kilograms"), ("kilo", "kilos"), ("kilogramme", "kilogrammes")], &["kg", "kgs"]),
    unit(Mass, 1e6, &[("tonne", "tonnes"), ("metric ton", "metric tons")], &[]),
    unit(Mass, 28.349_523_125, &[("ounce", "ounces")], &["oz"]),
    unit(Mass, 453.592_37, &[("pound", "pounds")], &["lb", "lbs"]),
    unit(Mass, 6_350.293_18, &[("stone", "stone"), ("stone", "stones")], &[]),
    unit(Mass, 907_184.74, &[("ton", "tons"), ("short ton", "short tons")], &[]),

    unit(Volume, 1e-3, &[("millilitre", "millilitres"), ("milliliter", "milliliters")], &["ml", "mls", "cc"]),
    unit(Volume, 1e-2, &[("centilitre", "centilitres"), ("centiliter", "centiliters")], &["cl"]),
    unit(Volume, 1e-1, &[("decilitre", "decilitres"), ("deciliter", "deciliters")], &["dl"]),
    unit(Volume, 1.0, &[("litre", "litres"), ("liter", "liters")], &["l", "ltr"]),
    unit(Volume, 1e3, &[("cubic metre", "cubic metres"), ("cubic meter", "cubic meters")], &["m³"]),
    unit(Volume, 28.316_846_592, &[("cubic foot", "cubic feet")], &[]),
    unit(Volume, US_GALLON / 768.0, &[("teaspoon", "teaspoons")], &["tsp", "tsps"]),
    unit(Volume, US_GALLON / 256.0, &[("tablespoon", "tablespoons")], &["tbsp", "tbsps", "table spoon", "table spoons"]),
    unit(Volume, US_GALLON / 128.0, &[("fluid ounce", "fluid ounces")], &["fl oz", "us fluid ounce", "us fluid ounces"]),
    unit(Volume, US_GALLON / 16.0, &[("cup", "cups")], &["us cup", "us cups"]),
    unit(Volume, US_GALLON / 8.0, &[("pint", "pints"), ("US pint", "US pints")], &["pt"]),
    unit(Volume, US_GALLON / 4.0, &[("quart", "quarts"), ("US quart", "US quarts")], &["qt"]),
    unit(Volume, US_GALLON, &[("gallon", "gallons"), ("US gallon", "US gallons")], &["gal", "american gallon", "american gallons"]),
    unit(Volume, IMPERIAL_GALLON / 160.0, &[("imperial fluid ounce", "imperial fluid ounces")], &["uk fluid ounces"]),
    unit(Volume, IMPERIAL_GALLON / 8.0, &[("imperial pint", "imperial pints"), ("UK pint", "UK pints")], &["british pint", "british pints"]),
    unit(Volume, IMPERIAL_GALLON, &[("imperial gallon", "imperial gallons"), ("UK gallon", "UK gallons")], &["british gallon", "british gallons"]),

    temperature(1.0, 273.15, &[("degree Celsius", "degrees Celsius")],
        &["celsius", "c", "centigrade", "degrees c", "degree c", "degrees centigrade", "degrees in celsius"]),
    temperature(5.0 / 9.0, 459.67, &[("degree Fahrenheit", "degrees Fahrenheit")],
        &["fahrenheit", "f", "degrees f", "degree f", "degrees in fahrenheit"]),
    temperature(1.0, 0.0, &[("kelvin", "kelvin"), ("kelvin", "kelvins")], &["k", "degrees kelvin"]),

    unit(Speed, 1.0, &[("metre per second", "metres per second"), ("meter per second", "meters per second"),
        ("metre a second", "metres a second"), ("meter a second", "meters a second")], &["m/s", "mps"]),
    unit(Speed, 1.0 / 3.6, &[("kilometre per hour", "kilometres per hour"), ("kilometer per hour", "kilometers per hour"),
        ("kilometre an hour", "kilometres an hour"), ("kilometer an hour", "kilometers an hour")], &["km/h", "kmh", "kph", "kmph", "k p h"]),
    unit(Speed, MILE / 3_600.0, &[("mile per hour", "miles per hour"), ("mile an hour", "miles an hour")], &["mph", "m p h", "mi/h"]),
    unit(Speed, 0.3048, &[("foot per second", "feet per second"), ("foot a second", "feet a second")], &["ft/s", "fps"]),
    unit(Speed, 1_852.0 / 3_600.0, &[("knot", "knots")], &["kt", "kts"]),

    unit(Time, 1e-3, &[("millisecond", "milliseconds")], &["ms"]),
    unit(Time, 1.0, &[("second", "seconds")], &["sec", "secs", "s"]),
    unit(Time, 60.0, &[("minute", "minutes")], &["min", "mins", "minute's"]),
    unit(Time, 3_600.0, &[("hour", "hours")], &["hr", "hrs", "h"]),
    unit(Time, 86_400.0, &[("day", "days")], &[]),
    unit(Time, 604_800.0, &[("week", "weeks")], &[]),
    unit(Time, 1_209_600.0, &[("fortnight", "fortnights")], &[]),
    unit(Time, YEAR / 12.0, &[("month", "months")], &[]),
    unit(Time, YEAR, &[("year", "years")], &["calendar year", "common year"]),

    unit(Data, 0.125, &[("bit", "bits")], &[]),
    unit(Data, 1.0, &[("byte", "bytes")], &[]),
    unit(Data, 125.0, &[("kilobit", "kilobits")], &["kbit"]),
    unit(Data, 125e3, &[("megabit", "megabits")], &["mbit"]),
    unit(Data, 125e6, &[("gigabit", "gigabits")], &["gbit"]),
    unit(Data, 1e3, &[("kilobyte", "kilobytes")], &["kb"]),
    unit(Data, 1e6, &[("megabyte", "megabytes")], &["mb", "meg", "megs"]),
    unit(Data, 1e9, &[("gigabyte", "gigabytes")], &["gb", "gig", "gigs"]),
    unit(Data, 1e12, &[("terabyte", "terabytes")], &["tb"]),
    unit(Data, 1e15, &[("petabyte", "petabytes")], &["pb"]),
    unit(Data, 1_024.0, &[("kibibyte", "kibibytes")], &["kib"]),
    unit(Data, 1_048_576.0, &[("mebibyte", "mebibytes")], &["mib"]),
    unit(Data, 1_073_741_824.0, &[("gibibyte", "gibibytes")], &["gib"]),
    unit(Data, 1_099_511_627_776.0, &[("tebibyte", "tebibytes")], &["tib"]),
];
