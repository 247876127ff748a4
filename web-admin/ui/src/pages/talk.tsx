/** Conversations in writing. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import { ask, get, Problem, sentence, stream } from '../api';
import { Done, Empty, Field, Loading, Sure, Title, Wrong } from '../parts/common';
import { Push, Speaking } from '../parts/push';
import { AgainIcon, BackIcon, EditIcon, PlusIcon, SendIcon, StopIcon, TrashIcon } from '../parts/icons';
import { PersonaChoice } from '../parts/persona';
import { go, path } from '../router';
import { session } from '../session';
import { useCell } from '../store';
import { t } from '../strings';
import { ago, useDoing, useRead } from '../use';
import { close, error as spokenError, spoken } from '../voice/voice';

const s = t.talk;
/** As many conversations as are listed at once. */
const PAGE = 50;

interface Conversation {
  id: number;
  title: string;
  changed: string;
  persona: string | null;
}

interface Message {
  id: number;
  role: 'user' | 'assistant';
  text: string;
  /** Of a reply, whether somebody stopped it. */
  cut: boolean;
}

interface Listed {
  conversations: Conversation[];
  /** Of a search, what was said with the words in it. */
  messages: (Message & { conversation: number })[];
}

interface Whole extends Conversation {
  messages: Message[];
}

/** A turn that is under way, or that went wrong. */
interface Turn {
  request: string;
  /** The message in whose place it stands, and after which nothing is shown. */
  from: number | null;
  reply: string;
  by: string | null;
  error: string | null;
  running: boolean;
}

interface Request {
  text: string;
  conversation: number | null;
  instead_of: number | null;
  again: boolean;
  persona?: string | null;
}

export function Talk() {
  const at = useCell(path).split('/')[2];
  const id = at ? Number(at) : null;
  const [search, setSearch] = useState('');
  const wanted = useSettled(search.trim());
  const list = useRead<Listed>(`/v1/conversations?search=${encodeURIComponent(wanted)}`);
  // A conversation that begins keeps its place on the page when it gets its number.
  const [older, setOlder] = useState<Conversation[]>([]);
  const reading = useDoing();
  useEffect(() => setOlder([]), [list.data]);
  const listed = [...(list.data?.conversations ?? []), ...older];
  const readOlder = () =>
    reading.run(async () => {
      const page = await get<Listed>(`/v1/conversations?after=${listed.at(-1)?.id}`);
      setOlder([...older, ...page.conversations]);
    });
  const [begun, setBegun] = useState<number | null>(null);
  const [fresh, setFresh] = useState(0);
  const kept = useCell(spoken)?.kept ?? null;
  useEffect(() => {
    if (kept === null) return;
    list.again();
    if (kept === id) return;
    if (id === null) setBegun(kept);
    go(`/talk/${kept}`, id === null);
  }, [kept]);
  // Elsewhere nobody speaks.
  useEffect(() => {
    [spoken.value, spokenError.value] = [null, null];
    return close;
  }, []);
  return (
    <>
      <Title>{s.title}</Title>
      <div class={id === null ? 'talk' : 'talk one'}>
        <section class="list" aria-label={s.list}>
          <a
            href="/talk"
            class="button"
            onClick={() => {
              setBegun(null);
              setFresh(fresh + 1);
            }}
          >
            <PlusIcon />
            {s.fresh}
          </a>
          <Field
            type="search"
            label={s.search}
            hideLabel
            placeholder={s.searchHint}
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
          <Wrong error={list.error} again={list.again} />
          {!list.data && !list.error && <Loading />}
          {list.data?.conversations.length === 0 && list.data.messages.length === 0 && (
            <Empty>{wanted ? s.noneFound : s.none}</Empty>
          )}
          <ul>
            {listed.map((one) => (
              <li key={one.id}>
                <a href={`/talk/${one.id}`} aria-current={one.id === id ? 'page' : undefined} onClick={() => setBegun(null)}>
                  <span class="name">{one.title || s.untitled}</span>
                  <span class="hint">{ago(one.changed)}</span>
                </a>
              </li>
            ))}
          </ul>
          {!wanted && listed.length > 0 && listed.length % PAGE === 0 && (
            <button type="button" class="quiet wide" disabled={reading.busy} onClick={() => void readOlder()}>
              {s.older}
            </button>
          )}
          <Wrong error={reading.error} />
          {list.data && list.data.messages.length > 0 && (
            <>
              <h2>{s.passages}</h2>
              <ul class="passages">
                {list.data.messages.map((one) => (
                  <li key={one.id}>
                    <a href={`/talk/${one.conversation}`} onClick={() => setBegun(null)}>
                      <span class="name">{one.text}</span>
                    </a>
                  </li>
                ))}
              </ul>
            </>
          )}
        </section>
        <Thread
          key={id !== null && id === begun ? `fresh-${fresh}` : (id ?? `fresh-${fresh}`)}
          id={id}
          onBegun={(id) => {
            setBegun(id);
            go(`/talk/${id}`, true);
          }}
          onChanged={list.again}
        />
      </div>
    </>
  );
}

/** What was typed, once nothing more has been typed for a moment. */
function useSettled(typed: string): string {
  const [settled, setSettled] = useState(typed);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(typed), 250);
    return () => clearTimeout(timer);
  }, [typed]);
  return settled;
}

function Thread(props: { id: number | null; onBegun: (id: number) => void; onChanged: () => void }) {
  const whole = useRead<Whole>(props.id === null ? null : `/v1/conversations/${props.id}`);
  const [turn, setTurn] = useState<Turn | null>(null);
  const [editing, setEditing] = useState<number | null>(null);
  const [confirm, setConfirm] = useState<Asked | null>(null);
  // Of a conversation that has not begun.
  const [persona, setPersona] = useState<string | null>(null);
  const choosing = useDoing();
  const [erasing, setErasing] = useState<number | null>(null);
  const guest = useCell(session)?.person?.role === 'guest';
  const stop = useRef<AbortController | null>(null);
  const end = useRef<HTMLDivElement>(null);
  const said = useCell(spoken);
  const microphoneError = useCell(spokenError);
  useEffect(() => () => stop.current?.abort(), []);
  useEffect(
    () => end.current?.scrollIntoView({ block: 'nearest' }),
    [turn?.reply, turn?.request, said?.reply, said?.request, whole.data],
  );
  useEffect(() => {
    if (said?.kept != null && said.kept === props.id) whole.again();
  }, [said?.kept]);

  const messages = whole.data?.messages ?? [];
  const cut = turn?.from == null ? messages : messages.filter((message) => message.id < turn.from!);
  const lastReply = messages.at(-1)?.role === 'assistant' ? messages.at(-1) : undefined;

  const talk = async (request: Omit<Request, 'conversation'>, from: number | null) => {
    const control = new AbortController();
    stop.current = control;
    setEditing(null);
    setConfirm(null);
    const shown = request.again ? '' : request.text;
    setTurn({ request: shown, from, reply: '', by: null, error: null, running: true });
    const change = (what: Partial<Turn>) => setTurn((turn) => turn && { ...turn, ...what });
    let reply = '';
    try {
      const sent: Request = { ...request, conversation: props.id };
      if (props.id === null && persona) sent.persona = persona;
      for await (const told of stream('POST', '/v1/chat', sent, control.signal)) {
        const data = told.event === ':' ? {} : (JSON.parse(told.data) as Record<string, never>);
        if (told.event === 'text') change({ reply: (reply += data['text']) });
        if (told.event === 'provider') change({ by: s.by(data['name']!, data['model']!, data['tier']!) });
        if (told.event === 'confirm') setConfirm(data as unknown as Asked);
        if (told.event === 'error') throw failure(data);
        if (told.event === 'done') {
          const { conversation } = data as unknown as { conversation: number | null };
          change({ running: false });
          // Nothing was kept where nothing was said.
          if (conversation === null) return;
          if (props.id === null) props.onBegun(conversation);
          whole.again();
          props.onChanged();
          return;
        }
      }
      throw new Problem(0, 'cut', s.cut);
    } catch (error) {
      if (control.signal.aborted) {
        setTurn(null);
        whole.again();
        props.onChanged();
      } else {
        change({ running: false, error: sentence(error) });
      }
    }
  };

  // Once it is kept, it is shown as it is kept.
  useEffect(() => {
    if (turn && !turn.running && !turn.error) setTurn(null);
    if (whole.data && said?.kept === props.id) spoken.value = null;
  }, [whole.data]);

  return (
    <section class="thread" aria-label={whole.data?.title || s.fresh}>
      {props.id !== null && <Head whole={whole.data} again={whole.again} onChanged={props.onChanged} />}
      <Wrong error={whole.error} again={whole.again} />
      <ol class="messages">
        {cut.map((message) => (
          <li key={message.id} class={message.role}>
            {editing === message.id ? (
              <Edit
                text={message.text}
                onCancel={() => setEditing(null)}
                onAsk={(text) => void talk({ text, instead_of: message.id, again: false }, message.id)}
              />
            ) : (
              <Said message={message}>
                {message.role === 'user' && !turn?.running && (
                  <button type="button" class="tool" onClick={() => setEditing(message.id)}>
                    <EditIcon />
                    {s.edit}
                  </button>
                )}
                {message.role === 'user' && !turn?.running && (
                  <button type="button" class="tool" aria-label={s.eraseTurnLabel} onClick={() => setErasing(message.id)}>
                    <TrashIcon />
                    {s.eraseTurn}
                  </button>
                )}
                {message === lastReply && !turn?.running && (
                  <button
                    type="button"
                    class="tool"
                    onClick={() => void talk({ text: '', instead_of: null, again: true }, message.id)}
                  >
                    <AgainIcon />
                    {s.again}
                  </button>
                )}
              </Said>
            )}
          </li>
        ))}
        {turn?.request && !kept(cut, turn) && (
          <li class="user">
            <p class="bubble">{turn.request}</p>
          </li>
        )}
        {said?.request && (
          <li class="user">
            <span class="hidden">{s.you}:</span>
            <p class={said.unfinished ? 'bubble unfinished' : 'bubble'}>{said.request}</p>
          </li>
        )}
      </ol>
      <div class="messages" role="log" aria-busy={turn?.running ?? false}>
        {turn && !kept(cut, turn) && (
          <div class="assistant">
            {turn.running && !turn.reply && <p class="hint loading">{s.thinking}</p>}
            {turn.reply && <p class="bubble">{turn.reply}</p>}
            {turn.by && <p class="hint">{turn.by}</p>}
          </div>
        )}
        {said && !said.unfinished && (
          <div class="assistant">
            {said.running && !said.reply && <p class="hint loading">{s.thinking}</p>}
            {said.reply && <p class="bubble">{said.reply}</p>}
            {!said.running && !said.request && <p class="hint">{t.voice.nothing}</p>}
          </div>
        )}
      </div>
      {erasing !== null && (
        <Sure
          question={s.eraseTurnSure}
          yes={t.remove}
          onAnswer={(sure) => {
            setErasing(null);
            if (sure) void choosing.run(() => ask('DELETE', `/v1/messages/${erasing}`)).then(whole.again);
          }}
        />
      )}
      {confirm && <Confirm {...confirm} key={confirm.id} onOver={() => setConfirm(null)} />}
      {props.id === null && !turn && !said && <Empty>{s.empty}</Empty>}
      <Wrong error={turn?.error ?? microphoneError ?? choosing.error} />
      {!guest && (props.id === null || whole.data) && (
        <PersonaChoice
          value={props.id === null ? persona : (whole.data?.persona ?? null)}
          disabled={choosing.busy || turn?.running}
          onChoice={(persona) => {
            if (props.id === null) setPersona(persona);
            else void choosing.run(() => ask('PATCH', `/v1/conversations/${props.id}`, { persona })).then(whole.again);
          }}
        />
      )}
      <div ref={end} class="end-of-thread" />
      <Speaking />
      <Composer
        running={turn?.running ?? false}
        onSend={(text) => void talk({ text, instead_of: null, again: false }, null)}
        onHalt={() => stop.current?.abort()}
      />
    </section>
  );
}

/** What waits for a tap before it is done. */
interface Asked {
  id: number;
  what: string;
  within_seconds: number;
}

function Confirm(props: Asked & { onOver: () => void }) {
  const [done, setDone] = useState<string | null>(null);
  const doing = useDoing();
  useEffect(() => {
    if (done !== null) return;
    const timer = setTimeout(props.onOver, props.within_seconds * 1000);
    return () => clearTimeout(timer);
  }, [props.id, done]);
  const confirm = async () => setDone((await ask<{ text: string }>('POST', `/v1/confirmations/${props.id}`)).text);
  return (
    <div class="card confirm" role="group" aria-label={s.confirm}>
      <p>
        <strong>{s.confirm}:</strong> {props.what}
      </p>
      <Done>{done}</Done>
      <Wrong error={doing.error} />
      {done === null && (
        <div class="row">
          <button type="button" class="main" disabled={doing.busy} onClick={() => void doing.run(confirm)}>
            {s.yes}
          </button>
          <button type="button" class="quiet" onClick={props.onOver}>
            {s.no}
          </button>
        </div>
      )}
    </div>
  );
}

/** Whether the conversation as it was read has the turn in it already. */
function kept(messages: Message[], turn: Turn): boolean {
  return !turn.running && !turn.error && turn.reply !== '' && messages.at(-1)?.text === turn.reply;
}

function failure(data: unknown): Problem {
  const { error } = data as { error?: { code: string; message: string } };
  return new Problem(0, error?.code ?? 'unknown', error?.message ?? t.unknownError);
}

function Head(props: { whole: Whole | null; again: () => void; onChanged: () => void }) {
  const [renaming, setRenaming] = useState<string | null>(null);
  const [erasing, setErasing] = useState(false);
  const doing = useDoing();
  const at = props.whole && `/v1/conversations/${props.whole.id}`;
  return (
    <header class="thread-head">
      <a href="/talk" class="back" aria-label={s.back}>
        <BackIcon />
      </a>
      {renaming === null || !at ? (
        <>
          <h2>{props.whole?.title || s.untitled}</h2>
          <div class="row tools" role="group" aria-label={s.actions}>
            <button type="button" class="tool" disabled={!at} onClick={() => setRenaming(props.whole?.title ?? '')}>
              <EditIcon />
              {s.rename}
            </button>
            <button type="button" class="tool" disabled={!at} onClick={() => setErasing(true)}>
              <TrashIcon />
              {s.erase}
            </button>
          </div>
        </>
      ) : (
        <form
          class="inline"
          onSubmit={(event) => {
            event.preventDefault();
            void doing.run(() => ask('PATCH', at, { title: renaming.trim() })).then((done) => {
              if (!done) return;
              setRenaming(null);
              props.again();
              props.onChanged();
            });
          }}
        >
          <Field
            label={s.renaming}
            hideLabel
            required
            maxLength={200}
            value={renaming}
            input={focused}
            onInput={(event) => setRenaming(event.currentTarget.value)}
          />
          <button type="submit" disabled={doing.busy}>
            {t.save}
          </button>
          <button type="button" class="quiet" onClick={() => setRenaming(null)}>
            {t.cancel}
          </button>
        </form>
      )}
      {erasing && at && (
        <Sure
          question={s.eraseSure}
          yes={s.erase}
          onAnswer={(sure) => {
            setErasing(false);
            if (!sure) return;
            void doing.run(() => ask('DELETE', at)).then((done) => {
              if (!done) return;
              props.onChanged();
              go('/talk');
            });
          }}
        />
      )}
      <Wrong error={doing.error} />
    </header>
  );
}

function focused(element: HTMLElement | null) {
  element?.focus();
}

function Said({ message, children }: { message: Message; children: ComponentChildren }) {
  return (
    <>
      <span class="hidden">{message.role === 'user' ? s.you : t.pipit}:</span>
      <p class="bubble">{message.text}</p>
      {message.cut && <p class="hint">{s.cutShort}</p>}
      <div class="tools">{children}</div>
    </>
  );
}

function Edit(props: { text: string; onCancel: () => void; onAsk: (text: string) => void }) {
  const [text, setText] = useState(props.text);
  return (
    <form
      class="edit"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim()) props.onAsk(text.trim());
      }}
      onKeyDown={(event) => event.key === 'Escape' && props.onCancel()}
    >
      <textarea
        ref={focused}
        aria-label={s.editing}
        rows={2}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={sendOnEnter}
      />
      <div class="row end">
        <button type="button" class="quiet" onClick={props.onCancel}>
          {t.cancel}
        </button>
        <button type="submit" class="main">
          {s.ask}
        </button>
      </div>
    </form>
  );
}

/** Enter sends, Shift and Enter begin a line; while an input method composes a word, Enter is its own. */
function sendOnEnter(event: KeyboardEvent) {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  (event.currentTarget as HTMLTextAreaElement).form?.requestSubmit();
}

function Composer(props: {
  running: boolean;
  onSend: (text: string) => void;
  onHalt: () => void;
}) {
  const [text, setText] = useState('');
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        if (props.running || !text.trim()) return;
        props.onSend(text.trim());
        setText('');
      }}
    >
      <textarea
        aria-label={s.write}
        placeholder={s.writeHint}
        rows={1}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={sendOnEnter}
      />
      <Push />
      {props.running ? (
        <button type="button" class="round" aria-label={s.halt} title={s.halt} onClick={props.onHalt}>
          <StopIcon />
        </button>
      ) : (
        <button type="submit" class="round main" aria-label={s.send} title={s.send}>
          <SendIcon />
        </button>
      )}
    </form>
  );
}
