//! The units of measure that are read out, by how they are written. Only a table and its look-up.

/// A unit: how it is written, and its name in the singular and plural.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    pub(super) sign: &'static str,
    pub(super) one: &'static str,
    pub(super) many: &'static str,
    pub(super) spacing: Spacing,
}

/// Where a unit may stand, for some signs are also words or letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spacing {
    /// Behind the number, with or without a space.
    Any,
    /// Only right behind the number: "12in" but not "12 in".
    Attached,
    /// Only after a space: "10 s" but not "10s".
    Spaced,
}

const fn unit(sign: &'static str, one: &'static str, many: &'static str) -> Unit {
    Unit { sign, one, many, spacing: Spacing::Any }
}

const fn attached(sign: &'static str, one: &'static str, many: &'static str) -> Unit {
    Unit { sign, one, many, spacing: Spacing::Attached }
}

const fn spaced(sign: &'static str, one: &'static str, many: &'static str) -> Unit {
    Unit { sign, one, many, spacing: Spacing::Spaced }
}

/// The unit written exactly so, or else the one that differs only in case: "KG", "Km", "MBPS".
pub(super) fn find(sign: &str) -> Option<&'static Unit> {
    let exact = UNITS.iter().find(|unit| unit.sign == sign);
    exact.or_else(|| {
        // A single letter in the wrong case is another unit or none, and so is "in" at the start of a title.
        (sign.len() > 1).then(|| UNITS.iter().find(|unit| unit.sign.eq_ignore_ascii_case(sign))).flatten()
    })
}

/// True for a unit's full name, in the singular or plural, as a person writes it out.
pub(super) fn is_name(word: &str) -> bool {
    COUNTED.iter().any(|name| name.eq_ignore_ascii_case(word))
        || UNITS.iter().any(|unit| unit.one.eq_ignore_ascii_case(word) || unit.many.eq_ignore_ascii_case(word))
}

/// Things that are counted so often that four digits before them are a count and not a year.
const COUNTED: [&str; 44] = [
    "millimeter",
    "millimeters",
    "millimetre",
    "millimetres",
    "centimetre",
    "centimetres",
    "metre",
    "metres",
    "kilometre",
    "kilometres",
    "litre",
    "litres",
    "millilitre",
    "millilitres",
    "people",
    "men",
    "women",
    "children",
    "calories",
    "words",
    "steps",
    "points",
    "items",
    "pages",
    "years",
    "weeks",
    "months",
    "times",
    "copies",
    "votes",
    "users",
    "cups",
    "tons",
    "tonnes",
    "nights",
    "degrees",
    "percent",
    "dollars",
    "euros",
    "pounds",
    "yen",
    "species",
    "students",
    "employees",
];

const UNITS: [Unit; 126] = [
    // Length and area.
    unit("km", "kilometer", "kilometers"),
    unit("m", "meter", "meters"),
    unit("cm", "centimeter", "centimeters"),
    unit("mm", "millimeter", "millimeters"),
    unit("µm", "micrometer", "micrometers"),
    unit("μm", "micrometer", "micrometers"),
    unit("nm", "nanometer", "nanometers"),
    unit("mi", "mile", "miles"),
    unit("ft", "foot", "feet"),
    unit("yd", "yard", "yards"),
    unit("yds", "yard", "yards"),
    attached("in", "inch", "inches"),
    unit("ly", "light year", "light years"),
    unit("nmi", "nautical mile", "nautical miles"),
    unit("ha", "hectare", "hectares"),
    unit("ac", "acre", "acres"),
    unit("sqft", "square foot", "square feet"),
    unit("sqm", "square meter", "square meters"),
    unit("sqkm", "square kilometer", "square kilometers"),
    unit("sqmi", "square mile", "square miles"),
    // Mass.
    unit("kg", "kilogram", "kilograms"),
    unit("kgs", "kilogram", "kilograms"),
    unit("g", "gram", "grams"),
    unit("mg", "milligram", "milligrams"),
    unit("µg", "microgram", "micrograms"),
    unit("μg", "microgram", "micrograms"),
    unit("mcg", "microgram", "micrograms"),
    unit("lb", "pound", "pounds"),
    unit("lbs", "pound", "pounds"),
    unit("oz", "ounce", "ounces"),
    // Volume.
    unit("l", "liter", "liters"),
    unit("L", "liter", "liters"),
    unit("ml", "milliliter", "milliliters"),
    unit("dl", "deciliter", "deciliters"),
    unit("cl", "centiliter", "centiliters"),
    unit("hl", "hectoliter", "hectoliters"),
    unit("cc", "CC", "CC"),
    unit("gal", "gallon", "gallons"),
    unit("pt", "pint", "pints"),
    unit("qt", "quart", "quarts"),
    unit("tsp", "teaspoon", "teaspoons"),
    unit("tbsp", "tablespoon", "tablespoons"),
    // Temperature.
    unit("°C", "degree Celsius", "degrees Celsius"),
    unit("ºC", "degree Celsius", "degrees Celsius"),
    unit("℃", "degree Celsius", "degrees Celsius"),
    unit("°F", "degree Fahrenheit", "degrees Fahrenheit"),
    unit("ºF", "degree Fahrenheit", "degrees Fahrenheit"),
    unit("℉", "degree Fahrenheit", "degrees Fahrenheit"),
    unit("°", "degree", "degrees"),
    spaced("K", "kelvin", "kelvin"),
    // Time.
    spaced("s", "second", "seconds"),
    unit("sec", "second", "seconds"),
    unit("secs", "second", "seconds"),
    unit("ms", "millisecond", "milliseconds"),
    unit("µs", "microsecond", "microseconds"),
    unit("μs", "microsecond", "microseconds"),
    unit("ns", "nanosecond", "nanoseconds"),
    unit("min", "minute", "minutes"),
    unit("mins", "minute", "minutes"),
    unit("h", "hour", "hours"),
    unit("hr", "hour", "hours"),
    unit("hrs", "hour", "hours"),
    unit("yr", "year", "years"),
    unit("yrs", "year", "years"),
    unit("mo", "month", "months"),
    unit("wk", "week", "weeks"),
    unit("wks", "week", "weeks"),
    // Speed and rate.
    unit("mph", "mile per hour", "miles per hour"),
    unit("kph", "kilometer per hour", "kilometers per hour"),
    unit("kmh", "kilometer per hour", "kilometers per hour"),
    unit("mpg", "mile per gallon", "miles per gallon"),
    unit("rpm", "revolution per minute", "revolutions per minute"),
    unit("bpm", "beat per minute", "beats per minute"),
    unit("fps", "frame per second", "frames per second"),
    unit("bps", "bit per second", "bits per second"),
    unit("kbps", "kilobit per second", "kilobits per second"),
    unit("mbps", "megabit per second", "megabits per second"),
    unit("gbps", "gigabit per second", "gigabits per second"),
    // Energy, power, electricity.
    unit("W", "watt", "watts"),
    unit("kW", "kilowatt", "kilowatts"),
    unit("MW", "megawatt", "megawatts"),
    unit("GW", "gigawatt", "gigawatts"),
    unit("TW", "terawatt", "terawatts"),
    unit("mW", "milliwatt", "milliwatts"),
    unit("kWh", "kilowatt hour", "kilowatt hours"),
    unit("MWh", "megawatt hour", "megawatt hours"),
    unit("Wh", "watt hour", "watt hours"),
    unit("V", "volt", "volts"),
    unit("kV", "kilovolt", "kilovolts"),
    unit("mV", "millivolt", "millivolts"),
    unit("mA", "milliamp", "milliamps"),
    unit("mAh", "milliamp hour", "milliamp hours"),
    unit("Ah", "amp hour", "amp hours"),
    unit("Ω", "ohm", "ohms"),
    unit("kΩ", "kilohm", "kilohms"),
    unit("J", "joule", "joules"),
    unit("kJ", "kilojoule", "kilojoules"),
    unit("kcal", "kilocalorie", "kilocalories"),
    unit("cal", "calorie", "calories"),
    unit("hp", "horsepower", "horsepower"),
    unit("lm", "lumen", "lumens"),
    // Frequency, pressure, sound.
    unit("Hz", "hertz", "hertz"),
    unit("kHz", "kilohertz", "kilohertz"),
    unit("MHz", "megahertz", "megahertz"),
    unit("GHz", "gigahertz", "gigahertz"),
    unit("Pa", "pascal", "pascals"),
    unit("hPa", "hectopascal", "hectopascals"),
    unit("kPa", "kilopascal", "kilopascals"),
    unit("mbar", "millibar", "millibars"),
    unit("mb", "megabyte", "megabytes"),
    unit("psi", "pound per square inch", "pounds per square inch"),
    unit("dB", "decibel", "decibels"),
    // Data and display.
    unit("KB", "kilobyte", "kilobytes"),
    unit("MB", "megabyte", "megabytes"),
    unit("GB", "gigabyte", "gigabytes"),
    unit("TB", "terabyte", "terabytes"),
    unit("PB", "petabyte", "petabytes"),
    unit("KiB", "kibibyte", "kibibytes"),
    unit("MiB", "mebibyte", "mebibytes"),
    unit("GiB", "gibibyte", "gibibytes"),
    unit("MP", "megapixel", "megapixels"),
    unit("px", "pixel", "pixels"),
    unit("dpi", "dot per inch", "dots per inch"),
    // Proportions.
    unit("%", "percent", "percent"),
    unit("‰", "per mille", "per mille"),
    unit("ppm", "part per million", "parts per million"),
];
