//! Draws the chat. Everything that is shown is in the [`State`]; nothing is decided here but where it stands.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};

use super::input::Input;
use super::legend;
use super::state::{Doomed, Mode, State};
use super::text::{fitted, on_one_line};
use super::transcript::Who;

/// From this many columns on, the conversations stand beside the messages.
const WIDE: u16 = 70;
/// What the list of conversations takes of them.
const LIST: u16 = 24;
/// Who says something is shown by a mark of two columns.
const MARK: u16 = 2;
/// Most lines of what is being typed that are shown.
const INPUT: u16 = 6;

/// How things look. The marks alone say everything that the colours do.
#[derive(Clone, Copy)]
pub(super) struct Look {
    you: Style,
    trouble: Style,
    faint: Style,
    chosen: Style,
}

impl Look {
    /// With colours or without.
    pub(super) fn new(colours: bool) -> Self {
        let coloured = |colour| if colours { Style::new().fg(colour) } else { Style::new() };
        Look {
            you: coloured(Color::Cyan).add_modifier(Modifier::BOLD),
            trouble: coloured(Color::Red).add_modifier(Modifier::BOLD),
            faint: coloured(Color::DarkGray),
            chosen: Style::new().add_modifier(Modifier::REVERSED),
        }
    }
}

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, state: &mut State, look: Look) {
    let area = frame.area();
    let width = usize::from(area.width);
    let pipeline = state.pipeline.as_ref().filter(|_| !matches!(state.mode, Mode::Help));
    let pipeline = pipeline.map(|pipeline| pipeline.lines(width));
    let pipeline_height = pipeline.as_ref().map_or(0, |lines| at_most(lines.len() + 1, area.height / 2));
    let most = INPUT.min(area.height / 4).max(1);
    let input_height = field(state).map_or(0, |field| at_most(field.lines(width).0.len(), most));
    let [main, pane, rule, input, status, keys] = Layout::vertical([
        Constraint::Min(1),
        Constraint::Length(pipeline_height),
        Constraint::Length(1),
        Constraint::Length(input_height),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(area);
    draw_main(frame, main, state, look);
    if let Some(lines) = pipeline {
        draw_pipeline(frame, pane, &lines, look);
    }
    draw_rule(frame, rule, title(state), look);
    if let Some(field) = field(state) {
        draw_field(frame, input, field);
    }
    let line = status_line(state, look, width);
    frame.render_widget(line, status);
    frame.render_widget(Line::styled(legend::keys(&state.mode, state.reply.is_some(), width), look.faint), keys);
}

fn draw_main(frame: &mut Frame<'_>, area: Rect, state: &mut State, look: Look) {
    let choosing =
        matches!(state.mode, Mode::Conversations(_) | Mode::Renaming { .. } | Mode::Deleting(Doomed::Conversation(..)));
    let list = if area.width >= WIDE { LIST } else { 0 };
    let [left, gap, right] =
        Layout::horizontal([Constraint::Length(list), Constraint::Length(list.min(1)), Constraint::Min(0)]).areas(area);
    // Drawn or not, it must know its size for the keys that scroll.
    state.fit(right.width.saturating_sub(MARK).into(), right.height.into());
    if list > 0 {
        draw_conversations(frame, left, state, look);
        for y in gap.top()..gap.bottom() {
            frame.buffer_mut().set_string(gap.x, y, "│", look.faint);
        }
    }
    match &state.mode {
        Mode::Help => {
            let lines = legend::HELP.map(|line| Line::raw(fitted(line, right.width.into())));
            frame.render_widget(Paragraph::new(lines.to_vec()), right);
        }
        Mode::Searching { .. } => draw_hits(frame, right, state, look),
        _ if choosing && list == 0 => draw_conversations(frame, right, state, look),
        _ => draw_transcript(frame, right, state, look),
    }
}

fn draw_conversations(frame: &mut Frame<'_>, area: Rect, state: &State, look: Look) {
    let selected = match state.mode {
        Mode::Conversations(selected) => Some(selected),
        _ => None,
    };
    let open = state.conversations.iter().position(|conversation| Some(conversation.id) == state.open);
    let first = first_shown(selected.or(open).unwrap_or(0), area.height.into());
    let shown = state.conversations.iter().enumerate().skip(first).take(area.height.into());
    let lines: Vec<Line<'_>> = shown
        .map(|(number, conversation)| {
            let mark = match Some(number) {
                chosen if chosen == selected => "> ",
                shown if shown == open => "* ",
                _ => "  ",
            };
            let title = fitted(&on_one_line(&conversation.title), usize::from(area.width.saturating_sub(MARK)));
            let line = Line::from(format!("{mark}{title}"));
            if Some(number) == selected { line.style(look.chosen) } else { line }
        })
        .collect();
    let none = lines.is_empty();
    frame.render_widget(Paragraph::new(lines), area);
    if none {
        frame.render_widget(Line::styled(fitted("  no conversations", area.width.into()), look.faint), area);
    }
}

fn draw_transcript(frame: &mut Frame<'_>, area: Rect, state: &State, look: Look) {
    let selected = match state.mode {
        Mode::Messages(selected) => Some(selected),
        _ => None,
    };
    let lines = state.transcript.rows(area.height.into(), state.scrolled).into_iter().map(|row| {
        let who = state.transcript.items()[row.item].who;
        let (mark, style) = match who {
            Who::You => ("> ", look.you),
            Who::Pipit => ("  ", Style::new()),
            Who::Note => ("- ", look.faint),
            Who::Trouble => ("! ", look.trouble),
        };
        let chosen = selected == Some(row.item) && (row.first || !row.text.is_empty());
        let mark = match (chosen, row.first) {
            (true, _) => Span::styled("|", look.chosen) + Span::raw(" "),
            (false, true) => Span::styled(mark, style).into(),
            (false, false) => Line::raw("  "),
        };
        let text_style = if who == Who::Pipit { Style::new() } else { style };
        let mut line = mark;
        line.push_span(Span::styled(row.text, text_style));
        line
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), area);
}

fn draw_hits(frame: &mut Frame<'_>, area: Rect, state: &State, look: Look) {
    let Mode::Searching { field, hits, selected } = &state.mode else { return };
    if hits.is_empty() {
        let words = if field.is_empty() { "Type what you look for." } else { "Nothing has all of these words." };
        frame.render_widget(Line::styled(fitted(words, area.width.into()), look.faint), area);
        return;
    }
    let first = first_shown(*selected, area.height.into());
    let shown = hits.iter().enumerate().skip(first).take(area.height.into());
    let lines = shown.map(|(number, hit)| {
        let line = Line::from(fitted(&hit.text, area.width.into()));
        if number == *selected { line.style(look.chosen) } else { line }
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), area);
}

fn draw_pipeline(frame: &mut Frame<'_>, area: Rect, lines: &[String], look: Look) {
    frame.render_widget(Clear, area);
    let [rule, rest] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    draw_rule(frame, rule, "The daemon", look);
    frame.render_widget(Paragraph::new(lines.iter().map(|line| Line::raw(&**line)).collect::<Vec<_>>()), rest);
}

fn draw_rule(frame: &mut Frame<'_>, area: Rect, title: &str, look: Look) {
    let line = format!("── {title} {}", "─".repeat(area.width.into()));
    // What is longer than the line is cut off.
    frame.render_widget(Line::styled(line, look.faint), area);
}

fn draw_field(frame: &mut Frame<'_>, area: Rect, field: &Input) {
    if area.is_empty() {
        return;
    }
    let (lines, (row, column)) = field.lines(area.width.into());
    let first = first_shown(row, area.height.into());
    let shown = lines.into_iter().skip(first).take(area.height.into()).map(Line::raw);
    frame.render_widget(Paragraph::new(shown.collect::<Vec<_>>()), area);
    frame.set_cursor_position(Position::new(area.x + column as u16, area.y + (row - first) as u16));
}

/// What is being typed.
fn field(state: &State) -> Option<&Input> {
    match &state.mode {
        Mode::Writing => Some(&state.draft),
        Mode::Editing { field, .. } | Mode::Renaming { field, .. } | Mode::Searching { field, .. } => Some(field),
        Mode::Messages(_) | Mode::Conversations(_) | Mode::Deleting(_) | Mode::Help => None,
    }
}

fn title(state: &State) -> &'static str {
    match state.mode {
        Mode::Writing if state.reply.is_some() => "Pipit answers",
        Mode::Writing => "Message",
        Mode::Editing { .. } => "Change what you said: all that came after it is replaced",
        Mode::Messages(_) => "Messages",
        Mode::Conversations(_) => "Conversations",
        Mode::Renaming { .. } => "Another title",
        Mode::Deleting(_) => "Delete",
        Mode::Searching { .. } => "Search",
        Mode::Help => "Help",
    }
}

fn status_line(state: &State, look: Look, width: usize) -> Line<'static> {
    let fit = |text: &str| fitted(text, width);
    if let Mode::Deleting(doomed) = &state.mode {
        let what = match doomed {
            Doomed::Conversation(_, title) => format!("\"{}\" with everything in it", on_one_line(title)),
            Doomed::Message(_) => "this message and the other half of its turn".to_owned(),
        };
        return Line::styled(fit(&format!("Delete for good? y does it: {what}")), look.trouble);
    }
    if let Some(notice) = &state.notice {
        return Line::styled(fit(&on_one_line(notice)), look.trouble);
    }
    if let Some(confirmation) = &state.confirmation {
        return Line::styled(fit(&format!("Ctrl+Y does it: {}", on_one_line(&confirmation.what))), look.trouble);
    }
    let answered = state.reply.as_ref().map_or(&state.answered, |reply| &reply.answered);
    let waits = state.reply.as_ref().is_some_and(|reply| reply.answered.first_text.is_none());
    let mut parts: Vec<String> = Vec::new();
    match &answered.by {
        Some(by) => parts.extend([by.name.clone(), by.tier.to_string(), by.model.clone()]),
        None if answered.first_text.is_some() => parts.push("answered offline".to_owned()),
        None => {}
    }
    if let Some(first) = answered.first_text {
        parts.insert(parts.len().min(2), format!("{} ms", first.as_millis()));
    }
    if waits {
        parts.push("waiting".to_owned());
    }
    if state.scrolled > 0 {
        parts.insert(0, format!("{} lines below", state.scrolled));
    }
    Line::styled(fit(&on_one_line(&parts.join(" · "))), look.faint)
}

/// So many lines, or as many as there is room for.
fn at_most(lines: usize, room: u16) -> u16 {
    u16::try_from(lines).unwrap_or(u16::MAX).min(room)
}

/// Of a list, the first that is shown where `chosen` must be.
fn first_shown(chosen: usize, height: usize) -> usize {
    (chosen + 1).saturating_sub(height)
}
