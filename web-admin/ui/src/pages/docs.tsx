/** The APIs under /v1 as their own description has them, and a way to try each. */
import { useEffect, useId, useRef, useState } from 'preact/hooks';

import { Card, Loading, Title, Wrong } from '../parts/common';
import { example, fields, groups, kind, resolved, type Document, type Operation, type Route } from '../parts/openapi';
import { session } from '../session';
import { useCell } from '../store';
import { t } from '../strings';
import { bytes, useRead } from '../use';

const s = t.docs;

/** More of an answer than this nobody reads. */
const LONGEST_SHOWN = 20_000;

export function Docs() {
  const read = useRead<Document>('/v1/openapi.json');
  const [token, setToken] = useState('');
  const person = useCell(session)?.person ?? null;
  const document = read.data;
  return (
    <>
      <Title lead={document?.info.description}>{s.title}</Title>
      <Wrong error={read.error} again={read.again} />
      {!document && !read.error && <Loading />}
      {document && (
        <>
          <Key token={token} setToken={setToken} name={person?.name ?? null} />
          {groups(document).map(([tag, routes]) => (
            <details class="card settings" key={tag}>
              <summary>
                <h2>{s.groups[tag] ?? tag}</h2>
                <span class="hint">{s.routes(routes.length)}</span>
              </summary>
              {routes.map((route) => (
                <OneRoute
                  key={`${route.method} ${route.path}`}
                  document={document}
                  route={route}
                  token={token}
                  mayAsk={token !== '' || person !== null}
                />
              ))}
            </details>
          ))}
          <p>
            <a href="/v1/openapi.json" download="pipit-openapi.json">
              {s.document}
            </a>
          </p>
        </>
      )}
    </>
  );
}

function Key(props: { token: string; setToken: (token: string) => void; name: string | null }) {
  const id = useId();
  return (
    <Card title={s.key}>
      <p>{props.name === null ? s.keyNobody : s.keySession(props.name)}</p>
      {props.name === null && <a href="/">{t.signIn.title}</a>}
      <div class="field">
        <label for={id}>{s.token}</label>
        <input
          id={id}
          type="password"
          autocomplete="off"
          spellcheck={false}
          placeholder="pipit_…"
          aria-describedby={`${id}-hint`}
          value={props.token}
          onInput={(event) => props.setToken(event.currentTarget.value.trim())}
        />
        <small id={`${id}-hint`} class="hint">
          {s.tokenHint}
        </small>
      </div>
    </Card>
  );
}

interface RouteProps {
  document: Document;
  route: Route;
  token: string;
  mayAsk: boolean;
}

function OneRoute(props: RouteProps) {
  const { document, route } = props;
  const { method, path, about } = route;
  const [open, setOpen] = useState(false);
  return (
    <details class="route" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <span class="method" data-method={method}>
          {method}
        </span>
        <code class="grow">{path}</code>
        <span class="hint">{about.summary}</span>
      </summary>
      {open && (
        <div class="stack">
          {about.description && <p>{about.description}</p>}
          <Fields title={s.parameters} rows={(about.parameters ?? []).map((one) => [one.name, kind(document, one.schema), one.description, one.required ?? false])} />
          <Fields title={s.body} rows={rowsOf(document, about)} />
          <Answers document={document} about={about} />
          <Attempt {...props} />
        </div>
      )}
    </details>
  );
}

type Row = [name: string, kind: string, about: string | undefined, needed: boolean];

function rowsOf(document: Document, about: Operation): Row[] {
  const schema = contentOf(about)?.[1].schema;
  return fields(document, schema).map(([name, field, needed]) => [
    name,
    kind(document, field),
    field.description ?? resolved(document, field).description,
    needed,
  ]);
}

function contentOf(about: Operation) {
  return Object.entries(about.requestBody?.content ?? {})[0];
}

function Fields({ title, rows }: { title: string; rows: Row[] }) {
  if (rows.length === 0) return null;
  return (
    <section>
      <h3>{title}</h3>
      <dl class="fields">
        {rows.map(([name, kind, about, needed]) => (
          <div key={name}>
            <dt>
              <code>{name}</code> <span class="hint">{kind}</span>
              {needed && <span class="hint"> · {s.needed}</span>}
            </dt>
            {about && <dd>{about}</dd>}
          </div>
        ))}
      </dl>
    </section>
  );
}

function Answers({ document, about }: { document: Document; about: Operation }) {
  const answers = Object.entries(about.responses ?? {});
  return (
    <section>
      <h3>{s.answers}</h3>
      <dl class="fields">
        {answers.map(([status, { description, content }]) => {
          const [type, { schema } = {}] = Object.entries(content ?? {})[0] ?? [];
          const names = fields(document, schema).map(([name]) => name);
          return (
            <div key={status}>
              <dt>
                <code>{status}</code> <span class="hint">{type}</span>
              </dt>
              <dd>{[description, names.length > 0 ? s.with(names) : ''].filter(Boolean).join(' ')}</dd>
            </div>
          );
        })}
      </dl>
    </section>
  );
}

interface Answer {
  status: number;
  ms: number;
  type: string;
  text: string;
}

function Attempt({ document, route, token, mayAsk }: RouteProps) {
  const { method, about } = route;
  const [type, content] = contentOf(about) ?? [];
  const isJson = type?.includes('json') ?? false;
  const [values, setValues] = useState<Record<string, string>>({});
  const [body, setBody] = useState(() => (isJson ? JSON.stringify(example(document, content?.schema), null, 2) : ''));
  const [file, setFile] = useState<File | null>(null);
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [asking, setAsking] = useState<AbortController | null>(null);
  const id = useId();
  const stop = useRef<AbortController | null>(null);
  useEffect(() => () => stop.current?.abort(), []);

  const send = async () => {
    const abort = new AbortController();
    stop.current = abort;
    setAsking(abort);
    setAnswer(null);
    setError(null);
    try {
      await ask(address(route, values), { method, token, type, body, file, signal: abort.signal }, setAnswer);
    } catch {
      setError(abort.signal.aborted ? t.cancelled : t.unreachable);
    }
    setAsking(null);
  };

  return (
    <form
      class="attempt"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <h3>{s.try}</h3>
      {about.parameters?.map((parameter) => (
        <div class="field" key={parameter.name}>
          <label for={`${id}-${parameter.name}`}>{parameter.name}</label>
          <input
            id={`${id}-${parameter.name}`}
            required={parameter.required}
            value={values[parameter.name] ?? ''}
            onInput={(event) => setValues({ ...values, [parameter.name]: event.currentTarget.value })}
          />
        </div>
      ))}
      {isJson && (
        <div class="field">
          <label for={`${id}-body`}>{s.body}</label>
          <textarea
            id={`${id}-body`}
            class="code"
            rows={Math.min(12, body.split('\n').length + 1)}
            spellcheck={false}
            value={body}
            onInput={(event) => setBody(event.currentTarget.value)}
          />
        </div>
      )}
      {type && !isJson && (
        <div class="field">
          <label for={`${id}-file`}>{s.file}</label>
          <input id={`${id}-file`} type="file" required onChange={(event) => setFile(event.currentTarget.files?.[0] ?? null)} />
        </div>
      )}
      {method !== 'GET' && <p class="hint">{s.real}</p>}
      <Wrong error={error} />
      <div class="row">
        <button type="submit" disabled={!mayAsk || asking !== null}>
          {s.send}
        </button>
        {asking && (
          <button type="button" class="quiet" onClick={() => asking.abort()}>
            {t.cancel}
          </button>
        )}
        {!mayAsk && <p class="hint">{s.first}</p>}
      </div>
      <div role="status">
        {answer && (
          <>
            <p>
              <strong>{answer.status}</strong> <span class="hint">{s.took(answer.ms, answer.type)}</span>
            </p>
            {answer.text && (
              <pre tabIndex={0} aria-label={s.answer}>
                {answer.text}
              </pre>
            )}
          </>
        )}
      </div>
    </form>
  );
}

function address({ path, about }: Route, values: Record<string, string>): string {
  const query = new URLSearchParams();
  let filled = path;
  for (const { name, in: place } of about.parameters ?? []) {
    const value = values[name] ?? '';
    if (place === 'path') filled = filled.replace(`{${name}}`, encodeURIComponent(value));
    else if (value !== '') query.set(name, value);
  }
  return query.size > 0 ? `${filled}?${query}` : filled;
}

interface Ask {
  method: string;
  token: string;
  type: string | undefined;
  body: string;
  file: File | null;
  signal: AbortSignal;
}

/** Asks as a program would: with the token alone, if there is one. Of an answer that comes bit by bit, each bit is told. */
async function ask(path: string, { method, token, type, body, file, signal }: Ask, told: (answer: Answer) => void) {
  const headers: Record<string, string> = {};
  if (token !== '') headers['authorization'] = `Bearer ${token}`;
  let sent: string | FormData | null = null;
  if (type?.includes('json')) {
    headers['content-type'] = 'application/json';
    sent = body;
  } else if (file) {
    sent = new FormData();
    sent.append('file', file);
  }
  const begun = performance.now();
  const response = await fetch(path, { method, headers, body: sent, signal, cache: 'no-store', credentials: token === '' ? 'same-origin' : 'omit' });
  const ms = Math.round(performance.now() - begun);
  const [kind = ''] = (response.headers.get('content-type') ?? '').split(';');
  const tell = (text: string) => told({ status: response.status, ms, type: kind, text });
  if (!/json|text|event-stream/.test(kind)) {
    const { size } = await response.blob();
    return tell(size > 0 ? s.binary(bytes(size)) : '');
  }
  let text = '';
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    if (text.length < LONGEST_SHOWN) text += part.value;
    tell(text.slice(0, LONGEST_SHOWN));
  }
  tell(kind.includes('json') ? indented(text) : text.slice(0, LONGEST_SHOWN));
}

function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2).slice(0, LONGEST_SHOWN);
  } catch {
    return text;
  }
}
