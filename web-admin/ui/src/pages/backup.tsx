/** Everything that Pipit knows, taken away under a passphrase, and brought back once it has been tried. */
import { useEffect, useId, useRef, useState } from 'preact/hooks';

import { ask, post, upload } from '../api';
import { Card, Loading, Password, Sure, Title, Wrong } from '../parts/common';
import { BadIcon } from '../parts/icons';
import { Restart } from '../parts/restart';
import { Tasks, useTasks } from '../parts/tasks';
import { t } from '../strings';
import { ago, bytes, moment, useDoing, useRead } from '../use';

const s = t.backup;

interface Backups {
  made: { name: string; bytes: number; at: string } | null;
  shortest_passphrase: number;
}

interface Contents {
  pipit: string;
  made_at: string;
  people: string[];
  is_claimed: boolean;
  conversations: number;
  messages: number;
  facts: number;
  timers: number;
  alarms: number;
  announcements: number;
  tokens: number;
  secrets: number;
  has_settings: boolean;
  has_configuration: boolean;
}

interface Restoration {
  taken_in: number | null;
  tried: Contents | null;
  confirmed: boolean;
  last: { at: string; went_back: string | null; kept: string | null; configuration: string | null } | null;
}

export function Backup() {
  const restoration = useRead<Restoration>('/api/restore');
  const state = restoration.data;
  return (
    <>
      <Title lead={s.lead}>{s.title}</Title>
      {state?.confirmed && <Confirmed again={restoration.again} />}
      {state?.last && <LastOne last={state.last} again={restoration.again} />}
      <div class="columns">
        <Make />
        <Card title={s.restore}>
          <p class="hint">{s.restoreLead}</p>
          <Wrong error={restoration.error} again={restoration.again} />
          {!state && !restoration.error && <Loading />}
          {state && <Restore state={state} again={restoration.again} set={restoration.set} />}
        </Card>
        <FactoryReset />
      </div>
    </>
  );
}

function Make() {
  const backups = useRead<Backups>('/api/backup');
  const tasks = useTasks(['backup'], backups.again);
  const [passphrase, setPassphrase] = useState('');
  const [invented, setInvented] = useState<string | null>(null);
  const doing = useDoing();
  const goesOn = tasks.tasks.some((task) => task.state === 'running');
  const make = async () => {
    await post('/api/backup', { passphrase });
    setPassphrase('');
    backups.again();
    tasks.again();
  };
  const invent = () => {
    const made = inventPassphrase();
    setInvented(made);
    setPassphrase(made);
  };
  const { made, shortest_passphrase: least } = backups.data ?? { made: null, shortest_passphrase: 12 };
  return (
    <Card title={s.make}>
      <p class="hint">{s.makeLead}</p>
      <p class="caution">
        <BadIcon />
        <span>{s.warning}</span>
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void doing.run(make);
        }}
      >
        <Password
          label={s.passphrase}
          hint={s.passphraseHint(least)}
          name="passphrase"
          autocomplete="new-password"
          value={passphrase}
          onValue={(value) => {
            setPassphrase(value);
            if (value !== invented) setInvented(null);
          }}
        />
        {invented && (
          <div class="made" role="status">
            <p>{s.invented}</p>
            <code>{invented}</code>
          </div>
        )}
        <Wrong error={doing.error ?? backups.error ?? tasks.error} />
        <div class="row">
          <button type="submit" class="main" disabled={doing.busy || goesOn}>
            {s.submit}
          </button>
          <button type="button" class="quiet" onClick={invent}>
            {s.invent}
          </button>
        </div>
      </form>
      <Tasks tasks={tasks.tasks} again={tasks.again} />
      {made && !goesOn && (
        <div class="ready">
          <p>{s.ready(bytes(made.bytes), ago(made.at))}</p>
          <div class="row">
            <a class="button" href="/api/backup/file" download={made.name}>
              {s.fetch}
            </a>
            <button
              type="button"
              class="quiet"
              disabled={doing.busy}
              onClick={() => void doing.run(() => ask('DELETE', '/api/backup')).then(backups.again)}
            >
              {s.discard}
            </button>
          </div>
        </div>
      )}
    </Card>
  );
}

/** 25 letters of 32: 125 bits, in groups that can be read out. */
function inventPassphrase(): string {
  const letters = 'abcdefghijkmnpqrstuvwxyz23456789';
  const drawn = Array.from(crypto.getRandomValues(new Uint8Array(25)), (byte) => letters[byte % letters.length]);
  return [0, 5, 10, 15, 20].map((at) => drawn.slice(at, at + 5).join('')).join('-');
}

interface Part {
  state: Restoration;
  again: () => void;
  set: (state: Restoration) => void;
}

function Restore({ state, again, set }: Part) {
  const doing = useDoing();
  const [asking, setAsking] = useState(false);
  const forget = () => void doing.run(() => ask('DELETE', '/api/restore')).then(again);
  const tasks = useTasks(['trial'], again);
  if (state.confirmed) return <p>{s.confirmed}</p>;
  if (state.tried) {
    return (
      <>
        <h3>{s.found}</h3>
        <Found contents={state.tried} />
        <Wrong error={doing.error} />
        <div class="row">
          <button type="button" class="main" disabled={doing.busy} onClick={() => setAsking(true)}>
            {s.confirm}
          </button>
          <button type="button" class="quiet" disabled={doing.busy} onClick={forget}>
            {s.forget}
          </button>
        </div>
        {asking && (
          <Sure
            question={s.sure}
            yes={s.sureYes}
            onAnswer={(sure) => {
              setAsking(false);
              if (sure) void doing.run(() => post('/api/restore')).then(again);
            }}
          />
        )}
      </>
    );
  }
  return (
    <>
      {state.taken_in === null ? <Upload set={set} /> : <Try bytes={state.taken_in} begun={tasks.again} forget={forget} />}
      <Wrong error={doing.error ?? tasks.error} />
      <Tasks tasks={tasks.tasks} again={tasks.again} />
    </>
  );
}

function Upload({ set }: { set: (state: Restoration) => void }) {
  const id = useId();
  const [file, setFile] = useState<File | null>(null);
  const [share, setShare] = useState<number | null>(null);
  const stop = useRef<AbortController | null>(null);
  const doing = useDoing();
  useEffect(() => () => stop.current?.abort(), []);
  const send = async () => {
    if (!file) return;
    stop.current = new AbortController();
    setShare(0);
    try {
      const reached = (sent: number) => setShare(sent / Math.max(1, file.size));
      set(await upload<Restoration>('PUT', '/api/restore/file', file, reached, stop.current.signal));
    } finally {
      setShare(null);
    }
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void doing.run(send);
      }}
    >
      <div class="field">
        <label for={id}>{s.file}</label>
        <input id={id} type="file" required onChange={(event) => setFile(event.currentTarget.files?.[0] ?? null)} />
      </div>
      <Wrong error={doing.error} />
      {share === null ? (
        <button type="submit" disabled={doing.busy}>
          {s.upload}
        </button>
      ) : (
        <>
          <p class="hint">{s.uploading(share)}</p>
          <progress aria-label={s.upload} value={share} max={1} />
          <button type="button" class="quiet" onClick={() => stop.current?.abort()}>
            {t.cancel}
          </button>
        </>
      )}
    </form>
  );
}

function Try(props: { bytes: number; begun: () => void; forget: () => void }) {
  const [passphrase, setPassphrase] = useState('');
  const doing = useDoing();
  const attempt = async () => {
    await post('/api/restore/try', { passphrase });
    props.begun();
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void doing.run(attempt);
      }}
    >
      <p>{s.uploaded(bytes(props.bytes))}</p>
      <Password
        label={s.passphrase}
        name="passphrase"
        autocomplete="current-password"
        value={passphrase}
        onValue={setPassphrase}
      />
      <Wrong error={doing.error} />
      <div class="row">
        <button type="submit" class="main" disabled={doing.busy}>
          {s.try}
        </button>
        <button type="button" class="quiet" onClick={props.forget}>
          {s.forget}
        </button>
      </div>
    </form>
  );
}

function Found({ contents }: { contents: Contents }) {
  const f = s.facts;
  const rows: [string, string][] = [
    [f.made, `${moment(contents.made_at)}, ${f.by(contents.pipit)}`],
    [f.people, contents.people.join(', ')],
    [f.said, `${contents.conversations}, ${f.messages(contents.messages)}`],
    [f.memory, String(contents.facts)],
    [f.times, f.timesOf(contents.timers, contents.alarms, contents.announcements)],
    [f.tokens, String(contents.tokens)],
    [f.secrets, String(contents.secrets)],
    [f.settings, f.settingsOf(contents.has_settings)],
    [f.configuration, f.configurationOf(contents.has_configuration)],
  ];
  return (
    <>
      <dl class="pairs">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {!contents.is_claimed && <p class="caution">{s.unclaimed}</p>}
    </>
  );
}

function Confirmed({ again }: { again: () => void }) {
  const doing = useDoing();
  return (
    <Card class="notice">
      <p>{s.confirmed}</p>
      <Wrong error={doing.error} />
      <Restart main />
      <button
        type="button"
        class="quiet"
        disabled={doing.busy}
        onClick={() => void doing.run(() => ask('DELETE', '/api/restore')).then(again)}
      >
        {t.cancel}
      </button>
    </Card>
  );
}

function LastOne({ last, again }: { last: NonNullable<Restoration['last']>; again: () => void }) {
  const doing = useDoing();
  const [asking, setAsking] = useState(false);
  const { at, went_back: why, kept, configuration } = last;
  return (
    <Card title={s.last} class={why ? 'notice-card' : undefined}>
      <p>{why === null ? s.restored(moment(at)) : s.wentBack(moment(at), why)}</p>
      {configuration && <p class="hint">{s.configurationIn(configuration)}</p>}
      {kept && (
        <>
          <p class="hint">{s.kept(kept)}</p>
          <button type="button" class="quiet" disabled={doing.busy} onClick={() => setAsking(true)}>
            {s.deleteKept}
          </button>
        </>
      )}
      <Wrong error={doing.error} />
      {asking && (
        <Sure
          question={s.deleteSure}
          yes={s.deleteKept}
          onAnswer={(sure) => {
            setAsking(false);
            if (sure) void doing.run(() => ask('DELETE', '/api/restore/kept')).then(again);
          }}
        />
      )}
    </Card>
  );
}

function FactoryReset() {
  const order = useRead<{ ordered: boolean }>('/api/factory-reset');
  const [password, setPassword] = useState('');
  const doing = useDoing();
  const give = async () => {
    await post('/api/factory-reset', { password });
    setPassword('');
    order.again();
  };
  return (
    <Card title={s.reset}>
      <p class="hint">{s.resetLead}</p>
      {order.data?.ordered ? (
        <>
          <p class="caution">
            <BadIcon />
            <span>{s.resetOrdered}</span>
          </p>
          <Wrong error={doing.error} />
          <Restart main />
          <button
            type="button"
            class="quiet"
            disabled={doing.busy}
            onClick={() => void doing.run(() => ask('DELETE', '/api/factory-reset')).then(order.again)}
          >
            {t.cancel}
          </button>
        </>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void doing.run(give);
          }}
        >
          <Password
            label={s.resetPassword}
            name="password"
            autocomplete="current-password"
            value={password}
            onValue={setPassword}
          />
          <Wrong error={doing.error ?? order.error} />
          <button type="submit" class="danger" disabled={doing.busy || !order.data}>
            {s.resetSubmit}
          </button>
        </form>
      )}
    </Card>
  );
}
