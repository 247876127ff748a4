/** Who is asked what this device does not answer itself, how they do, and the keys that they are asked with. */
import { useState } from 'preact/hooks';

import { ask, post } from '../api';
import { Badge, Card, Done, Empty, Field, Loading, Sure, Title, Wrong } from '../parts/common';
import { BadIcon, GoodIcon, TrashIcon } from '../parts/icons';
import { SomeSettings } from '../parts/some-settings';
import { Tasks, useTasks } from '../parts/tasks';
import { t } from '../strings';
import { ago, day, useDoing, useRead } from '../use';

const s = t.providers;

interface Provider {
  name: string;
  model: string;
  tier: string;
  used_for: 'answers' | 'hearing' | 'speaking';
  key: 'unneeded' | 'there' | 'missing';
  allowed: boolean;
  in_use: boolean;
  rests: boolean;
  seen: { at: string; took_ms: number | null; error: string | null; by_test: boolean } | null;
}

export function Providers() {
  const read = useRead<Provider[]>('/api/providers');
  const tests = useTasks(['test'], () => read.again());
  // One that answers at once is over before anybody looks.
  const tested = () => {
    tests.again();
    read.again();
  };
  const secrets = useRead<Secret[]>('/api/secrets');
  const changed = () => {
    read.again();
    secrets.again();
  };
  return (
    <>
      <Title lead={s.lead}>{s.title}</Title>
      <div class="stack">
        <Card title={s.chain}>
          <p class="hint">{s.chainLead}</p>
          <Wrong error={read.error ?? tests.error} again={read.again} />
          {!read.data && !read.error && <Loading />}
          {read.data?.length === 0 && <Empty>{s.none}</Empty>}
          <ol class="rows providers">
            {read.data?.map((one) => (
              <One key={`${one.used_for} ${one.name}`} one={one} onTest={tested} />
            ))}
          </ol>
          <Tasks tasks={tests.tasks} again={tests.again} />
        </Card>
        <SomeSettings
          title={s.model}
          lead={s.modelLead}
          names={['chat.provider', 'chat.base_url', 'chat.model', 'chat.name', 'chat.privacy']}
          keyOf="chat"
          onSaved={changed}
        />
        <SomeSettings folded title={s.hearing} lead={s.hearingLead} names={['stt.engine', 'stt.base_url', 'stt.model']} keyOf="stt" onSaved={changed} />
        <SomeSettings
          folded
          title={s.voice}
          lead={s.voiceLead}
          names={['tts.engine', 'tts.base_url', 'tts.model', 'tts.voice']}
          keyOf="tts"
          onSaved={changed}
        />
        <Secrets read={secrets} onChanged={changed} />
      </div>
    </>
  );
}

function One({ one, onTest }: { one: Provider; onTest: () => void }) {
  const doing = useDoing();
  const { seen } = one;
  const test = () => void doing.run(() => post('/api/providers/test', { name: one.name })).then(onTest);
  return (
    <li>
      <div class="grow">
        <strong>{one.name}</strong>
        <Badge tier={one.tier} />
        <span class="hint">{[one.model, s.uses[one.used_for]].filter(Boolean).join(' · ')}</span>
        {one.key === 'missing' && <Note bad>{s.keyMissing}</Note>}
        {!one.allowed && <Note bad>{s.notAllowed}</Note>}
        {!one.in_use && <span class="hint">{s.notYet}</span>}
        {one.rests && <Note bad>{s.rests}</Note>}
        {seen &&
          (seen.error ? (
            <Note bad>{s.failed(ago(seen.at), seen.error)}</Note>
          ) : (
            <Note>{s.answered(seen.took_ms ?? 0, ago(seen.at), seen.by_test)}</Note>
          ))}
        <Wrong error={doing.error} />
      </div>
      <button type="button" class="quiet small" disabled={doing.busy || !one.allowed} aria-label={s.testOf(one.name)} onClick={test}>
        {s.test}
      </button>
    </li>
  );
}

function Note({ bad, children }: { bad?: boolean; children: string }) {
  return (
    <span class={bad ? 'note bad' : 'note'}>
      {bad ? <BadIcon /> : <GoodIcon />}
      <span>{children}</span>
    </span>
  );
}

interface Secret {
  name: string;
  since: string | null;
}

function Secrets({ read, onChanged }: { read: ReturnType<typeof useRead<Secret[]>>; onChanged: () => void }) {
  const [name, setName] = useState('');
  const [secret, setSecret] = useState('');
  const [done, setDone] = useState<string | null>(null);
  const [removing, setRemoving] = useState<string | null>(null);
  const doing = useDoing();
  const at = (name: string) => `/api/secrets/${encodeURIComponent(name)}`;
  return (
    <Card title={s.secrets}>
      <p class="hint">{s.secretsLead}</p>
      <Wrong error={read.error} again={read.again} />
      {read.data?.length === 0 && <Empty>{s.noSecrets}</Empty>}
      <ul class="rows">
        {read.data?.map((one) => (
          <li key={one.name}>
            <span class="grow">
              <strong>{one.name}</strong>
              {one.since && <span class="hint"> {s.since(day(one.since))}</span>}
            </span>
            <button type="button" class="tool" aria-label={s.removeSecret(one.name)} title={s.removeSecret(one.name)} onClick={() => setRemoving(one.name)}>
              <TrashIcon />
            </button>
          </li>
        ))}
      </ul>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setDone(null);
          void doing.run(() => ask('PUT', at(name.trim()), { secret })).then((kept) => {
            if (!kept) return;
            setDone(s.secretKept(name.trim()));
            setName('');
            setSecret('');
            onChanged();
          });
        }}
      >
        <Field label={s.secretName} hint={s.secretNameHint} required maxLength={30} pattern="[A-Za-z0-9._\-]+" value={name} onInput={(event) => setName(event.currentTarget.value)} />
        <Field label={s.secret} type="password" autocomplete="off" required maxLength={8000} value={secret} onInput={(event) => setSecret(event.currentTarget.value)} />
        <div class="row">
          <button type="submit" disabled={doing.busy}>
            {s.keep}
          </button>
        </div>
        <Wrong error={doing.error} />
        <Done>{done}</Done>
      </form>
      {removing !== null && (
        <Sure
          question={s.removeSure(removing)}
          yes={t.remove}
          onAnswer={(sure) => {
            setRemoving(null);
            if (sure) void doing.run(() => ask('DELETE', at(removing))).then(onChanged);
          }}
        />
      )}
    </Card>
  );
}
