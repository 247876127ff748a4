/** What Pipit hears and speaks with: what there is, what this board can run, and how it gets here. */
import { useEffect, useId, useRef, useState } from 'preact/hooks';

import { ask, post, upload } from '../api';
import { snapshot } from '../daemon';
import { Card, Done, Loading, Sure, Title, Wrong } from '../parts/common';
import { type Task, Tasks, useTasks } from '../parts/tasks';
import { useCell } from '../store';
import { t } from '../strings';
import { bytes, useDoing, useRead } from '../use';

const s = t.models;

export interface Model {
  name: string;
  kind: string;
  about: string;
  licence: string;
  bytes: number | null;
  memory: number;
  on_disk: number;
  state: 'installed' | 'partial' | 'absent' | 'corrupt';
  source: 'download' | 'setup' | 'in the box';
  host: string | null;
  fits: boolean;
  fit: string;
  factor: number | null;
  measured: boolean;
  at_work: boolean;
  measurable: boolean;
}

export interface Shelf {
  models: Model[];
  board: string;
  cores: number;
  memory: number;
  free: number | null;
  import_from: string | null;
  recommended: string[];
  former: string | null;
}

const KINDS = ['pull', 'verify', 'measure', 'import'];
const GROUPS: [string, string[]][] = [
  ['stt', ['stt']],
  ['tts', ['tts']],
  ['wake', ['wake']],
  ['other', ['vad', 'turn', 'intents', 'runtime']],
];

/** The models and what is being done with them, which belong together. */
export function useShelf() {
  const shelf = useRead<Shelf>('/api/models');
  const tasks = useTasks(KINDS, shelf.again);
  const again = () => {
    shelf.again();
    tasks.again();
  };
  const now = useCell(snapshot);
  useEffect(() => {
    shelf.again();
    // Which one worked before is written down a moment later.
    const timer = setTimeout(shelf.again, 1000);
    return () => clearTimeout(timer);
  }, [now?.recogniser, now?.voice]);
  return { shelf, tasks, again };
}

export function Models() {
  const { shelf, tasks, again } = useShelf();
  const all = shelf.data;
  return (
    <>
      <Title lead={s.lead}>{s.title}</Title>
      <Wrong error={shelf.error ?? tasks.error} again={again} />
      {!all && !shelf.error && <Loading />}
      {all && (
        <>
          <Board shelf={all} again={again} />
          {GROUPS.map(([group, kinds]) => (
            <Card title={s.groups[group] ?? group} key={group}>
              <ul class="rows wide">
                {all.models
                  .filter((model) => kinds.includes(model.kind))
                  .map((model) => (
                    <Row
                      key={model.name}
                      model={model}
                      recommended={all.recommended.includes(model.name)}
                      tasks={tasks.tasks.filter((task) => task.about === model.name)}
                      again={again}
                    />
                  ))}
              </ul>
            </Card>
          ))}
          <Add shelf={all} tasks={tasks.tasks.filter((task) => task.kind === 'import')} again={again} />
        </>
      )}
    </>
  );
}

function Board({ shelf, again }: { shelf: Shelf; again: () => void }) {
  const doing = useDoing();
  const [when, setWhen] = useState<string | null>(null);
  const back = async () => {
    const done = await doing.run(async () => setWhen((await post<{ when: string }>('/api/models/rollback')).when));
    if (done) again();
  };
  return (
    <Card title={s.board}>
      <dl class="counters">
        <div>
          <dt>{s.cores(shelf.cores)}</dt>
          <dd class="small">{shelf.board}</dd>
        </div>
        <div>
          <dt>{s.memory}</dt>
          <dd>{bytes(shelf.memory)}</dd>
        </div>
        {shelf.free !== null && (
          <div>
            <dt>{s.free}</dt>
            <dd>{bytes(shelf.free)}</dd>
          </div>
        )}
      </dl>
      {shelf.former && (
        <button type="button" class="quiet" disabled={doing.busy} onClick={() => void back()}>
          {s.back(shelf.former)}
        </button>
      )}
      <Done>{when && (s.when[when] ?? null)}</Done>
      <Wrong error={doing.error} />
    </Card>
  );
}

/** How fast it is here, in words; nothing where nobody knows. */
export function speed(model: { factor: number | null; measured: boolean }): string | null {
  if (model.factor === null) return null;
  const seconds = model.factor.toLocaleString(t.code, { maximumSignificantDigits: 2 });
  return model.measured ? s.measured(seconds) : s.estimated(seconds);
}

interface RowProps {
  model: Model;
  recommended: boolean;
  tasks: Task[];
  again: () => void;
  /** Where only what leads to its being at work is wanted. */
  brief?: boolean;
}

export function Row({ model, recommended, tasks, again, brief }: RowProps) {
  const doing = useDoing();
  const [asking, setAsking] = useState(false);
  const [when, setWhen] = useState<string | null>(null);
  const path = `/api/models/${encodeURIComponent(model.name)}`;
  const run = (what: string) => void doing.run(() => post(`${path}/${what}`)).then(again);
  const use = () =>
    void doing.run(async () => setWhen((await post<{ when: string }>(`${path}/use`)).when)).then(again);
  const running = tasks.some((task) => task.state === 'running');
  const whole = model.state === 'installed';
  const facts = [
    model.bytes !== null && bytes(model.bytes),
    s.needs(bytes(model.memory)),
    speed(model),
    s.licence(model.licence),
    !whole && model.host && s.from(model.host),
  ];
  const pull = model.state === 'partial' ? s.goOn : model.state === 'corrupt' ? s.again : s.pull;
  const disabled = doing.busy || running;
  return (
    <li>
      <div class="grow">
        <strong>
          {model.name} <Badges model={model} recommended={recommended} />
        </strong>
        <span class="hint">{model.about}</span>
        <span class="hint">{facts.filter(Boolean).join(' · ')}</span>
        {!model.fits && <span class="hint">{s.unfit(model.fit)}</span>}
      </div>
      <div class="tools end">
        {!whole && model.source === 'download' && (
          <button
            type="button"
            class={recommended ? 'main' : undefined}
            disabled={disabled}
            aria-label={`${pull}: ${model.name}`}
            onClick={() => run('pull')}
          >
            {pull}
          </button>
        )}
        {whole && model.kind === 'stt' && !model.at_work && (
          <button type="button" disabled={disabled} aria-label={s.useLabel(model.name)} onClick={use}>
            {s.use}
          </button>
        )}
        {whole && model.measurable && (!brief || !model.measured) && (
          <button type="button" class="quiet" disabled={disabled} aria-label={s.measureLabel(model.name)} onClick={() => run('measure')}>
            {s.measure}
          </button>
        )}
        {!brief && model.on_disk > 0 && (
          <button type="button" class="quiet" disabled={disabled} aria-label={s.verifyLabel(model.name)} onClick={() => run('verify')}>
            {s.verify}
          </button>
        )}
        {!brief && model.on_disk > 0 && model.source === 'download' && !model.at_work && (
          <button type="button" class="quiet" disabled={disabled} aria-label={s.removeLabel(model.name)} onClick={() => setAsking(true)}>
            {t.remove}
          </button>
        )}
      </div>
      <div class="below">
        {/* What was done before the last says nothing any more. */}
        <Tasks tasks={tasks.filter((task, n) => n === 0 || task.state === 'running')} again={again} />
        <Done>{when && (s.when[when] ?? null)}</Done>
        <Wrong error={doing.error} />
      </div>
      {asking && (
        <Sure
          question={s.removeSure(model.name, bytes(model.on_disk))}
          yes={t.remove}
          onAnswer={(sure) => {
            setAsking(false);
            if (sure) void doing.run(() => ask('DELETE', path)).then(again);
          }}
        />
      )}
    </li>
  );
}

function Badges({ model, recommended }: { model: Model; recommended: boolean }) {
  const states = {
    installed: model.source === 'in the box' ? s.inTheBox : s.installed,
    partial: s.partial,
    absent: null,
    corrupt: s.corrupt,
  };
  const state = states[model.state];
  return (
    <>
      {model.at_work && <span class="badge good">{s.atWork}</span>}
      {recommended && <span class="badge good">{s.recommended}</span>}
      {state && !model.at_work && <span class={model.state === 'corrupt' ? 'badge bad' : 'badge'}>{state}</span>}
    </>
  );
}

function Add({ shelf, tasks, again }: { shelf: Shelf; tasks: Task[]; again: () => void }) {
  const id = useId();
  const importing = useDoing();
  const sending = useDoing();
  const [file, setFile] = useState<File | null>(null);
  const [sent, setSent] = useState<number | null>(null);
  const [done, setDone] = useState(false);
  const stop = useRef<AbortController | null>(null);
  const send = async () => {
    if (!file) return;
    setDone(false);
    stop.current = new AbortController();
    const { signal } = stop.current;
    setDone(await sending.run(() => upload('POST', '/api/models/upload', file, setSent, signal)));
    setSent(null);
    again();
  };
  return (
    <Card title={s.add}>
      {shelf.import_from ? (
        <>
          <p class="hint">{s.importFrom(shelf.import_from)}</p>
          <button
            type="button"
            class="quiet"
            disabled={importing.busy}
            onClick={() => void importing.run(() => post('/api/models/import')).then(again)}
          >
            {s.import}
          </button>
          <Wrong error={importing.error} />
          <Tasks tasks={tasks} again={again} />
        </>
      ) : (
        <p class="hint">{s.noFolder}</p>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <div class="field">
          <label for={id}>{s.file}</label>
          <input
            id={id}
            type="file"
            required
            aria-describedby={`${id}-hint`}
            onChange={(event) => setFile(event.currentTarget.files?.[0] ?? null)}
          />
          <small id={`${id}-hint`} class="hint">
            {s.fileHint}
          </small>
        </div>
        {sent !== null && file && <progress aria-label={s.file} value={sent} max={file.size} />}
        <div class="row">
          <button type="submit" disabled={sending.busy || !file}>
            {sending.busy && file && sent !== null ? t.tasks.of(bytes(sent), bytes(file.size)) : s.send}
          </button>
          {sending.busy && (
            <button type="button" class="quiet" onClick={() => stop.current?.abort()}>
              {t.cancel}
            </button>
          )}
        </div>
        <Done>{done ? s.sent : null}</Done>
        <Wrong error={sending.error} />
      </form>
    </Card>
  );
}
