//! A turn's waterfall for a person to read: a bar for each stage on one scale, and what was done in vain.

use pipit_web::{Span, Stage, Timings, Waterfall};

/// What the bars are drawn with. It fits on a line of 80 columns.
pub(super) const LEGEND: &str = "  ░ prepared before the turn was decided   █ after   · waiting   × in vain";

/// Columns beside the bars.
const LABELS: usize = 34;

/// A stage of the answer: when it began and was reached, and what its bar is drawn with.
struct Row {
    stage: &'static str,
    began: f64,
    reached: Option<f64>,
    /// Of the time until then, how much was spent waiting for the model.
    waited: f64,
    fill: char,
}

/// The drawing, line by line, for `columns` of which some stay empty.
pub(super) fn waterfall(t: &Timings, waterfall: &Waterfall, columns: usize) -> Vec<String> {
    // Cells between 0 ms and the first audio.
    let width = columns.saturating_sub(LABELS).clamp(8, 46);
    let rows = rows(t, waterfall);
    let reached = rows.iter().filter_map(|row| row.reached);
    // What is played takes longer than all that comes before it, and is not what one waits for.
    let end = t.first_audio.unwrap_or_else(|| reached.fold(1.0, f64::max)).max(1.0);
    let mut lines = vec![format!("  {:>8}  end of speech", "0 ms")];
    lines.extend(rows.iter().map(|row| row.drawn(end, width)));
    lines.extend(thrown_away(waterfall));
    for interruption in &waterfall.interruptions {
        let went_on = interruption.resumed_ms.map_or("stopped there".to_owned(), |at| format!("went on at {at:.0} ms"));
        lines.push(format!("  interrupted at {:.0} ms, {went_on}", interruption.at_ms));
    }
    lines
}

/// The stages of the draft that was the answer, in the order in which they began.
fn rows(t: &Timings, waterfall: &Waterfall) -> Vec<Row> {
    let spans = waterfall.drafts.last().map(|draft| &draft.spans[..]).unwrap_or_default();
    let pause = t.pause.map(|at| Row { began: 0.0, ..Row::at("pause noticed", at, '·') });
    let mut rows: Vec<Row> = pause.into_iter().collect();
    rows.extend(t.turn_decided.map(|at| Row::at("turn decided", at, '◆')));
    for (stage, name) in [
        (Stage::Endpointing, "Smart Turn"),
        (Stage::Transcription, "transcript"),
        (Stage::Understanding, "reply text"),
        (Stage::Action, "done"),
        (Stage::Synthesis, "first clause"),
    ] {
        // The voice speaks the other clauses while the first is played.
        rows.extend(spans.iter().find(|span| span.stage == stage).map(|span| Row::of(name, span)));
    }
    rows.extend(t.first_audio.map(|at| Row::at("first audio", at, '▶')));
    rows.sort_by(|a, b| a.began.total_cmp(&b.began));
    rows
}

impl Row {
    fn at(stage: &'static str, reached: f64, fill: char) -> Row {
        Row { stage, began: reached, reached: Some(reached), waited: 0.0, fill }
    }

    fn of(stage: &'static str, span: &Span) -> Row {
        let took = span.ended_ms.map(|ended| ended - span.began_ms);
        let waited = took.zip(span.model_ms).map_or(0.0, |(took, model)| (took - model).max(0.0));
        let fill = if span.discarded {
            '×'
        } else if span.speculative {
            '░'
        } else {
            '█'
        };
        Row { stage, began: span.began_ms, reached: span.ended_ms, waited, fill }
    }

    /// One line, with `width` cells for the time until `end`. What is still under way when the first audio is heard is drawn
    /// until there.
    fn drawn(&self, end: f64, width: usize) -> String {
        let cell = |ms: f64| (ms / end * width as f64).clamp(0.0, width as f64) as usize;
        let from = cell(self.began).min(width - 1);
        let to = cell(self.reached.unwrap_or(f64::INFINITY)).max(from);
        let waited = if self.waited > 0.0 { cell(self.began + self.waited).clamp(from, to) - from } else { 0 };
        let worked = (to - from).saturating_sub(waited).max(1);
        let bar = format!("{}{}{}", " ".repeat(from), "·".repeat(waited), self.fill.to_string().repeat(worked));
        let at = self.reached.map_or("unneeded".to_owned(), |at| format!("{at:.0} ms"));
        format!("  {at:>8}  {:<13} {bar}", self.stage)
    }
}

/// What was done in vain, if anything was.
fn thrown_away(waterfall: &Waterfall) -> Vec<String> {
    let dropped = waterfall.drafts.iter().filter(|draft| draft.dropped_ms.is_some());
    let pauses: Vec<_> = dropped.filter_map(|draft| draft.pause_ms).collect();
    let work: Vec<_> = waterfall.thrown_away().into_iter().filter_map(in_words).collect();
    let begun = match pauses[..] {
        [] => None,
        [at] => Some(format!("the draft at {at:.0} ms")),
        [first, ..] => Some(format!("{} drafts, the first at {first:.0} ms", pauses.len())),
    };
    wrapped("  thrown away: ", &begun.into_iter().chain(work).collect::<Vec<_>>())
}

fn in_words((stage, count, model_ms): (Stage, usize, f64)) -> Option<String> {
    let (one, many) = match stage {
        Stage::Endpointing => ("Smart Turn score", "Smart Turn scores"),
        Stage::Transcription => ("transcription", "transcriptions"),
        Stage::Understanding => ("reply", "replies"),
        Stage::Synthesis => ("clause", "clauses"),
        Stage::Action | Stage::Playback => return None,
    };
    let took = if model_ms > 0.0 { format!(" ({model_ms:.0} ms)") } else { String::new() };
    Some(format!("{count} {}{took}", if count == 1 { one } else { many }))
}

/// `items` after `label`, on as many lines of 80 columns as they need; nothing where there are none.
fn wrapped(label: &str, items: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for item in items {
        match lines.last_mut() {
            Some(line) if line.chars().count() + item.chars().count() < 78 => *line = format!("{line}, {item}"),
            Some(line) => {
                line.push(',');
                lines.push(format!("{}{item}", " ".repeat(label.len())));
            }
            None => lines.push(format!("{label}{item}")),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use pipit_web::{Draft, Interruption};

    use super::*;

    fn span(stage: Stage, began_ms: f64, ended_ms: Option<f64>, model_ms: Option<f64>) -> Span {
        Span {
            stage,
            clause: None,
            part: None,
            began_ms,
            ended_ms,
            model_ms,
            speculative: false,
            discarded: false,
            failed: false,
        }
    }

    fn discarded(stage: Stage, began_ms: f64, model_ms: f64) -> Span {
        let whole = span(stage, began_ms, Some(began_ms + model_ms), Some(model_ms));
        Span { speculative: true, discarded: true, ..whole }
    }

    #[test]
    fn a_turn_with_all_that_can_be_in_it_fits_on_80_columns() {
        let early = |revision, pause: f64| Draft {
            revision,
            pause_ms: Some(pause),
            dropped_ms: Some(pause + 300.0),
            provider: None,
            spans: vec![
                discarded(Stage::Endpointing, pause, 25.0),
                discarded(Stage::Transcription, pause, 42.4),
                discarded(Stage::Understanding, pause + 43.0, 0.0),
            ],
        };
        let speculative = |span| Span { speculative: true, ..span };
        let answer = Draft {
            revision: 3,
            pause_ms: Some(224.0),
            dropped_ms: None,
            provider: None,
            spans: vec![
                Span { discarded: true, ..speculative(span(Stage::Endpointing, 224.0, None, None)) },
                speculative(span(Stage::Transcription, 224.0, Some(424.0), Some(100.0))),
                speculative(span(Stage::Understanding, 424.0, Some(426.0), None)),
                span(Stage::Action, 427.0, Some(500.0), None),
                span(Stage::Synthesis, 430.0, Some(800.0), Some(360.0)),
                span(Stage::Playback, 801.0, Some(3000.0), None),
            ],
        };
        let timings = Timings {
            speech_end: 0.0,
            pause: Some(224.0),
            turn_decided: Some(425.0),
            transcript: Some(424.0),
            reply_first_text: Some(426.0),
            first_audio: Some(801.0),
        };
        let record = Waterfall {
            reopened_ms: Vec::new(),
            interruptions: vec![Interruption { at_ms: 900.0, resumed_ms: Some(1800.0), stopped_ms: None }],
            ended_ms: 3000.0,
            parts: Vec::new(),
            drafts: vec![early(1, -1840.0), early(2, -920.0), answer],
        };
        let lines = waterfall(&timings, &record, 80);
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{lines:#?}");
        assert!(LEGEND.chars().count() <= 80);
        expect![[r#"
            turn 1
                  0 ms  end of speech
                224 ms  pause noticed ············
              unneeded  Smart Turn                ××××××××××××××××××××××××××××××××××
                424 ms  transcript                ······░░░░░░
                426 ms  reply text                            ░
                425 ms  turn decided                          ◆
                500 ms  done                                  ████
                800 ms  first clause                          ·████████████████████
                801 ms  first audio                                                ▶
              thrown away: 2 drafts, the first at -1840 ms, 3 Smart Turn scores (50 ms),
                           2 transcriptions (85 ms), 2 replies
              interrupted at 900 ms, went on at 1800 ms
        "#]]
        // The first line keeps its place, by which the table measures the others.
        .assert_eq(&format!("turn 1\n{}\n", lines.join("\n")));
    }

    /// A turn of which nothing is known must not divide by it.
    #[test]
    fn nothing_is_drawn_of_nothing() {
        let lines = waterfall(&Timings::default(), &Waterfall::default(), 0);
        assert_eq!(lines, ["      0 ms  end of speech"]);
    }
}
