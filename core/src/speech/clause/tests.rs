use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{Clause, ClauseSplitter};

fn split(reply: &str) -> Vec<Clause> {
    let mut splitter = ClauseSplitter::new();
    let mut clauses = splitter.push(reply);
    clauses.extend(splitter.finish());
    clauses
}

#[expect(clippy::needless_pass_by_value, reason = "tables read better with the macro as an argument")]
fn check(reply: &str, expected: Expect) {
    let lines: Vec<String> =
        split(reply).iter().map(|clause| format!("{:?}\n  {}\n", clause.text, clause.spoken)).collect();
    expected.assert_eq(&lines.concat());
}

#[test]
fn the_first_clause_goes_out_at_the_first_comma() {
    check(
        "The weather today is sunny, with a high of 21°C. Tomorrow will be cooler, with some rain. Take a coat!",
        expect![[r#"
            "The weather today is sunny,"
              The weather today is sunny,
            " with a high of 21°C."
              with a high of twenty one degrees Celsius.
            " Tomorrow will be cooler, with some rain."
              Tomorrow will be cooler, with some rain.
            " Take a coat!"
              Take a coat!
        "#]],
    );
}

#[test]
fn stops_that_end_no_sentence() {
    check(
        "It costs 3.5 e.g. at Dr. Smith's. In the U.S. Army it's 4:30 p.m. now. I live in the U.S. It is big. See No. 5. No. I won't.",
        expect![[r#"
            "It costs 3.5 e.g. at Dr. Smith's."
              It costs three point five for example at doctor Smith's.
            " In the U.S. Army it's 4:30 p.m. now."
              In the US Army it's four thirty PM now.
            " I live in the U.S."
              I live in the US
            " It is big."
              It is big.
            " See No. 5."
              See number five.
            " No."
              No.
            " I won't."
              I won't.
        "#]],
    );
    check(
        "J. K. Rowling met Mr. T. at 10 a.m. on Jan. 5. Apples, pears etc. are fruit. Try https://a.b/c?d=e. Good?",
        expect![[r#"
            "J. K. Rowling met Mr. T. at 10 a.m. on Jan. 5."
              J. K. Rowling met mister T. at ten AM on january fifth.
            " Apples, pears etc. are fruit."
              Apples, pears et cetera are fruit.
            " Try https://a.b/c?d=e."
              Try a.b.
            " Good?"
              Good?
        "#]],
    );
    check(
        "On July 4, 2025, we met. It's 1,000 miles. \"Really?\" she said.",
        expect![[r#"
        "On July 4, 2025,"
          On july fourth, twenty twenty five,
        " we met."
          we met.
        " It's 1,000 miles."
          It's one thousand miles.
        " \"Really?\""
          "Really?"
        " she said."
          she said.
    "#]],
    );
}

#[test]
fn lists_paragraphs_headings_and_tables() {
    check(
        "## Shopping\nYou need three things:\n\n- **Milk** (2 l)\n- Eggs\n* [x] bread\n\n1. Go out\n2. Buy it\n\nThat's all\n\nBye 👋",
        expect![[r###"
            "## Shopping"
              Shopping.
            "\nYou need three things:"
              You need three things:
            "\n\n- **Milk** (2 l)"
              Milk (two liters)
            "\n- Eggs"
              Eggs.
            "\n* [x] bread"
              bread.
            "\n\n1. Go out"
              one, Go out.
            "\n2. Buy it"
              two, Buy it.
            "\n\nThat's all"
              That's all.
            "\n\nBye 👋"
              Bye.
        "###]],
    );
    check(
        "| Name | Age |\n|------|----:|\n| Ann | 32 |\n\n---\n\n> To be, or not to be",
        expect![[r#"
        "| Name | Age |"
          Name, Age.
        "\n|------|----:|\n| Ann | 32 |"
          Ann, thirty two.
        "\n\n---\n\n> To be, or not to be"
          To be, or not to be.
    "#]],
    );
    check(
        "Roses are red\nViolets are blue\n",
        expect![[r#"
        "Roses are red"
          Roses are red
        "\nViolets are blue"
          Violets are blue.
    "#]],
    );
}

#[test]
fn code_links_and_pictures_are_not_read_out() {
    check(
        "Try this:\n\n```python\nprint('hi. there')\n\nx = 1\n```\nIt uses `print`. See [the docs, part one. Really](https://docs.python.org/3/) or https://www.rust-lang.org/learn.",
        expect![[r#"
            "Try this:"
              Try this:
            "\n\n```python\nprint('hi. there')\n\nx = 1\n```"
              There is some Python code here that I won't read aloud.
            "\nIt uses `print`."
              It uses print.
            " See [the docs, part one. Really](https://docs.python.org/3/) or https://www.rust-lang.org/learn."
              See the docs, part one. Really or rust dash lang dot org.
        "#]],
    );
    check(
        "**Important:** it's _really_ ~~not~~ *5 * 3* or snake_case 😀! ![a cat](cat.png) Fish &amp; chips<br>now [1].",
        expect![[r#"
            "**Important:** it's _really_ ~~not~~ *5 * 3* or snake_case 😀!"
              Important: it's really not five times three or snake case!
            " ![a cat](cat.png) Fish &amp; chips<br>now [1]."
              a cat Fish and chips now.
        "#]],
    );
    check(
        "```\nnever closed",
        expect![[r#"
        "```\nnever closed"
          There is a block of text here that I won't read aloud.
    "#]],
    );
}

#[test]
fn long_text_without_marks_is_cut_at_a_word() {
    let long = "word ".repeat(100);
    let widths: Vec<usize> = split(&long).iter().map(|clause| clause.text.len()).collect();
    expect!["[119, 200, 180]"].assert_eq(&format!("{widths:?}"));
    let conjunction = format!("{}and {}", "lorem ipsum ".repeat(8), "dolor sit ".repeat(20));
    check(
        &conjunction,
        expect![[r#"
        "lorem ipsum lorem ipsum lorem ipsum lorem ipsum lorem ipsum lorem ipsum lorem ipsum lorem ipsum"
          lorem ipsum lorem ipsum lorem ipsum lorem ipsum lorem ipsum lorem ipsum lorem ipsum lorem ipsum
        " and dolor sit dolor sit dolor sit dolor sit dolor sit dolor sit dolor sit dolor sit dolor sit dolor sit dolor sit dolor sit dolor sit dolor sit dolor sit dolor sit dolor sit dolor sit dolor sit dolor"
          and dolor sit dolor sit dolor sit dolor sit dolor sit dolor sit dolor sit dolor sit dolor sit dolor sit dolor sit dolor sit dolor sit dolor sit dolor sit dolor sit dolor sit dolor sit dolor sit dolor
        " sit"
          sit.
    "#]],
    );
    let unbroken = "a".repeat(1000);
    assert!(split(&unbroken).iter().all(|clause| clause.text.len() <= 201));
}

#[test]
fn a_first_clause_does_not_wait_for_the_rest() {
    let mut splitter = ClauseSplitter::new();
    assert_eq!(splitter.push("Sure, here is"), []);
    let clauses = splitter.push(" the plan: ");
    assert_eq!(clauses.iter().map(|clause| clause.spoken.as_str()).collect::<Vec<_>>(), ["Sure, here is the plan:"]);
}

/// Pieces of which replies are made, so that random text meets every rule.
fn reply() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(" "),
        Just("\n"),
        Just("\n\n"),
        Just(". "),
        Just("."),
        Just(", "),
        Just("? "),
        Just("- "),
        Just("1. "),
        Just("```"),
        Just("```py\n"),
        Just("\n```\n"),
        Just("`"),
        Just("["),
        Just("]"),
        Just("("),
        Just(")"),
        Just("]("),
        Just("https://a.bc/d"),
        Just("htt"),
        Just("**"),
        Just("| a | b |\n"),
        Just("U.S. "),
        Just("Dr. "),
        Just("etc. "),
        Just("a.m. "),
        Just("No. "),
        Just("The"),
        Just("word"),
        Just("12"),
        Just("é"),
        Just("👋"),
        Just("— "),
        Just(" – "),
        Just("..."),
        Just("# "),
        Just("~~~\n"),
        Just("\""),
        Just("and "),
        Just("antidisestablishmentarianism "),
    ];
    prop_oneof![proptest::collection::vec(piece, 0..120).prop_map(|pieces| pieces.concat()), "\\PC{0,300}",]
}

#[test]
fn blanks_behind_a_code_block_are_no_part_of_it() {
    let text = |reply: &str| split(reply).into_iter().map(|clause| clause.text).collect::<String>();
    assert_eq!(text("U.S. ~~~\n```py\n``` "), "U.S. ~~~\n```py\n```");
    assert_eq!(text("```\na\n``` \nAnd then?"), "```\na\n``` \nAnd then?");
}

proptest! {
    #[test]
    fn clauses_are_the_reply(reply in reply()) {
        let text: String = split(&reply).into_iter().map(|clause| clause.text).collect();
        prop_assert_eq!(text, reply.trim_end());
    }

    #[test]
    fn chunks_make_no_difference(reply in reply(), cuts in proptest::collection::vec(1usize..12, 1..40)) {
        let mut splitter = ClauseSplitter::new();
        let mut clauses = Vec::new();
        let mut rest: Vec<char> = reply.chars().collect();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let later = rest.split_off((*cut).min(rest.len()));
            clauses.extend(splitter.push(&rest.iter().collect::<String>()));
            rest = later;
        }
        clauses.extend(splitter.finish());
        prop_assert_eq!(clauses, split(&reply));
    }

    #[test]
    fn no_clause_is_longer_than_a_breath(words in proptest::collection::vec("[a-z]{1,12}[,.;]?", 0..200)) {
        for clause in split(&words.join(" ")) {
            prop_assert!(clause.text.len() <= 220, "{}", clause.text.len());
        }
    }
}
