/** Which Pipit runs and which is installed, and what helps somebody else to help. */

import { useState } from 'preact/hooks';

import { ask, post } from '../api';
import { Card, Done, Loading, Title, Wrong } from '../parts/common';
import { BadIcon } from '../parts/icons';
import { Restart } from '../parts/restart';
import { Tasks, useTasks } from '../parts/tasks';
import { t } from '../strings';
import { ago, bytes, useDoing, useRead } from '../use';

const s = t.system;

interface Versions {
  running: string;
  installed: string;
  restart: boolean;
  can_update: boolean;
  last_update: { at: string; from: string | null; to: string | null; went_back: string | null } | null;
}

interface Bundle {
  made: { at: string; bytes: number; parts: { name: string; text: string }[] } | null;
}

export function System() {
  return (
    <>
      <Title>{s.title}</Title>
      <Version />
      <Support />
      <Card title={s.docs}>
        <p>{s.docsLead}</p>
        <a class="button" href="/docs">
          {s.docsOpen}
        </a>
      </Card>
    </>
  );
}

function Version() {
  const read = useRead<Versions>('/api/version');
  const data = read.data;
  const differs = data !== null && data.installed !== data.running;
  return (
    <Card title={s.version}>
      <Wrong error={read.error} again={read.again} />
      {!data && !read.error && <Loading />}
      {data && (
        <>
          <dl class="pairs">
            <div>
              <dt>{s.running}</dt>
              <dd>{data.running}</dd>
            </div>
            <div>
              <dt>{s.installed}</dt>
              <dd>{data.installed}</dd>
            </div>
          </dl>
          <p>{differs ? s.differs(data.installed, data.restart) : s.same}</p>
          {data.last_update && <LastUpdate last={data.last_update} />}
          {data.can_update ? <Update /> : <p class="hint">{s.noFeed}</p>}
          <Restart main={differs} />
        </>
      )}
    </Card>
  );
}

function LastUpdate({ last: { at, from, to, went_back: why } }: { last: NonNullable<Versions['last_update']> }) {
  const when = ago(at);
  if (why === null) return <p>{s.updated(from ?? '', to ?? '', when)}</p>;
  return (
    <p class="caution">
      <BadIcon />
      <span>{from !== null && to !== null ? s.wentBack(from, to, when, why) : s.systemWentBack(when, why)}</span>
    </p>
  );
}

function Update() {
  const [asked, setAsked] = useState(false);
  const doing = useDoing();
  const ask = () => void doing.run(() => post('/api/update').then(() => setAsked(true)));
  return (
    <>
      <p class="hint">{s.updateLead}</p>
      <Wrong error={doing.error} />
      <Done>{asked ? s.updateAsked : null}</Done>
      <button type="button" disabled={doing.busy || asked} onClick={ask}>
        {s.update}
      </button>
    </>
  );
}

function Support() {
  const bundle = useRead<Bundle>('/api/support');
  const tasks = useTasks(['bundle'], bundle.again);
  const doing = useDoing();
  const goesOn = tasks.tasks.some((task) => task.state === 'running');
  const collect = () => void doing.run(() => post('/api/support')).then(tasks.again);
  const made = bundle.data?.made;
  return (
    <Card title={s.support}>
      <p>{s.supportLead}</p>
      <Wrong error={doing.error ?? bundle.error ?? tasks.error} />
      <button type="button" class={made ? 'quiet' : undefined} disabled={doing.busy || goesOn} onClick={collect}>
        {made ? s.collectAgain : s.collect}
      </button>
      <Tasks tasks={tasks.tasks} again={tasks.again} />
      {made && (
        <>
          <p>{s.collected(ago(made.at), bytes(made.bytes))}</p>
          <div class="parts">
            {made.parts.map((part) => (
              <details key={part.name}>
                <summary>{part.name}</summary>
                <pre tabIndex={0} aria-label={part.name}>
                  {part.text}
                </pre>
              </details>
            ))}
          </div>
          <div class="row">
            <a class="button" href="/api/support/file" download="pipit-support.txt">
              {s.fetch}
            </a>
            <button
              type="button"
              class="quiet"
              disabled={doing.busy}
              onClick={() => void doing.run(() => ask('DELETE', '/api/support')).then(bundle.again)}
            >
              {s.forget}
            </button>
          </div>
        </>
      )}
    </Card>
  );
}
