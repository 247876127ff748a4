/** What left this device, how far anything may go, and what is kept. */
import { useId, useState } from 'preact/hooks';

import { get } from '../api';
import { Badge, Card, Empty, Loading, Title, Wrong } from '../parts/common';
import { BadIcon, GoodIcon } from '../parts/icons';
import { SomeSettings } from '../parts/some-settings';
import { snapshot } from '../daemon';
import { session } from '../session';
import { useCell } from '../store';
import { t } from '../strings';
import { ago, bytes, day, moment, useDoing, useRead } from '../use';
import { Tier } from './overview';

const s = t.privacy;

interface Host {
  host: string;
  tier: string;
  requests: number;
  sent: number;
  received: number;
  last: string;
  purposes: string[];
}

interface Overview {
  whose: 'everybody' | 'own';
  since: string;
  left: string | null;
  untold: boolean;
  hosts: Host[];
  broker: { tier: string; words: boolean } | null;
  kept: {
    ephemeral: boolean;
    own_in_memory: boolean;
    conversation_days: number | null;
    ledger_days: number | null;
    turns: number;
  };
}

interface Row {
  id: number | null;
  at: string;
  who: string | null;
  purpose: string;
  provider: string;
  tier: string;
  sent: number;
  received: number;
}

export function Privacy() {
  const read = useRead<Overview>('/api/privacy');
  const now = useCell(snapshot);
  const owner = useCell(session)?.person?.role === 'owner';
  const data = read.data;
  return (
    <>
      <Title lead={data?.whose === 'own' ? s.leadOwn : s.lead}>{s.title}</Title>
      <Wrong error={read.error} again={read.again} />
      {!data && !read.error && <Loading />}
      {data && (
        <div class="stack">
          <Verdict {...data} />
          {now && <Tier now={now} owner={owner} />}
          <Hosts hosts={data.hosts} whose={data.whose} />
          <Keeping {...data.kept} />
          {owner && (
            <SomeSettings
              folded
              title={s.change}
              names={['privacy.ephemeral', 'privacy.conversation_days', 'privacy.ledger_days', 'log.turns']}
            />
          )}
        </div>
      )}
    </>
  );
}

/** The answer at a glance. */
function Verdict(data: Overview) {
  const words = data.broker?.words && data.broker.tier === 'leaves the house';
  const stayed = data.left === null && !words;
  return (
    <section class={stayed ? 'card verdict' : 'card verdict left'} aria-labelledby="verdict">
      {stayed ? <GoodIcon /> : <BadIcon />}
      <div>
        <h2 id="verdict">{data.left === null ? (words ? s.published : s.stayed(day(data.since))) : s.left(ago(data.left))}</h2>
        <p>{data.left === null ? (words ? s.publishedMeans : s.stayedMeans) : s.leftMeans(moment(data.left))}</p>
        {data.untold && <p class="hint">{s.untold}</p>}
        <p class="hint">{s.notCounted}</p>
      </div>
    </section>
  );
}

function Hosts({ hosts, whose }: { hosts: Host[]; whose: Overview['whose'] }) {
  return (
    <Card title={s.hosts}>
      <p class="hint">{whose === 'own' ? s.hostsOwn : s.hostsAll}</p>
      {hosts.length === 0 && <Empty>{s.nobody}</Empty>}
      <ul class="rows hosts">
        {hosts.map((host) => (
          <One key={`${host.host} ${host.tier}`} host={host} />
        ))}
      </ul>
    </Card>
  );
}

function One({ host }: { host: Host }) {
  const [open, setOpen] = useState(false);
  const id = useId();
  const purposes = host.purposes.map((purpose) => s.purposes[purpose] ?? purpose).join(', ');
  return (
    <li>
      <div class="grow">
        <strong>{host.host}</strong>
        <Badge tier={host.tier} />
        <span class="hint">{s.sums(host.requests, bytes(host.sent), bytes(host.received))}</span>
        <span class="hint">{s.lastFor(purposes, ago(host.last))}</span>
        {open && <Requests host={host.host} id={id} />}
      </div>
      <button
        type="button"
        class="quiet small"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        aria-label={s.requestsOf(open ? s.close : s.open, host.host)}
        onClick={() => setOpen(!open)}
      >
        {open ? s.close : s.open}
      </button>
    </li>
  );
}

/** The rows of one host. */
function Requests({ host, id }: { host: string; id: string }) {
  const at = `/api/ledger?host=${encodeURIComponent(host)}`;
  const first = useRead<{ rows: Row[]; more: boolean }>(at);
  const [older, setOlder] = useState<{ rows: Row[]; more: boolean }>({ rows: [], more: true });
  const doing = useDoing();
  const rows = [...(first.data?.rows ?? []), ...older.rows];
  const last = rows.at(-1)?.id ?? null;
  const more = first.data?.more && older.more && last !== null;
  const read = () =>
    doing.run(async () => {
      const page = await get<{ rows: Row[]; more: boolean }>(`${at}&before=${last}`);
      setOlder({ rows: [...older.rows, ...page.rows], more: page.more });
    });
  return (
    <div id={id} class="ledger">
      <Wrong error={first.error ?? doing.error} />
      {!first.data && !first.error && <Loading />}
      <ol>
        {rows.map((row, n) => (
          <li key={row.id ?? `m${n}`}>
            <time dateTime={row.at}>{moment(row.at)}</time>
            <span class="hint">
              {[row.who, s.purposes[row.purpose] ?? row.purpose, row.provider].filter(Boolean).join(' · ')}
              {' · '}
              {s.bytes(bytes(row.sent), bytes(row.received))}
            </span>
          </li>
        ))}
      </ol>
      {more && (
        <button type="button" class="quiet small" disabled={doing.busy} onClick={() => void read()}>
          {s.older}
        </button>
      )}
    </div>
  );
}

function Keeping(kept: Overview['kept']) {
  return (
    <Card title={s.kept}>
      <dl class="kept">
        <dt>{s.conversations}</dt>
        <dd>{kept.own_in_memory || kept.ephemeral ? s.inMemory : s.days(kept.conversation_days)}</dd>
        <dt>{s.ledger}</dt>
        <dd>{kept.own_in_memory ? s.inMemory : s.days(kept.ledger_days)}</dd>
        <dt>{s.turns}</dt>
        <dd>{s.turnsKept(kept.turns)}</dd>
        <dt>{s.sound}</dt>
        <dd>{s.never}</dd>
      </dl>
    </Card>
  );
}
