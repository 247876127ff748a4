/** Who lives here: the owner sees everybody, the others themselves. */
import { useId, useState } from 'preact/hooks';

import { ask, post } from '../api';
import { entryOf, Entries, type Link, type Passkey, type Program, type Session, type Token } from '../parts/access-lists';
import { Card, Choice, Done, Empty, Field, Loading, Password, Title, Wrong } from '../parts/common';
import { Tasks, useTasks } from '../parts/tasks';
import { look, session } from '../session';
import { useCell } from '../store';
import { t } from '../strings';
import { day, moment, useDoing, useRead } from '../use';

const s = t.people;

interface Known {
  id: string;
  name: string | null;
  role: 'owner' | 'member' | 'guest';
  privacy: string;
  since: string;
  has_password: boolean;
  invited_until: string | null;
  sessions: number;
  you: boolean;
}

interface Code {
  code?: string;
  until?: string | null;
}

const ROLES = ['member', 'guest'];
const roleName = (role: string) => s.roles[role] ?? role;

export function People() {
  const people = useRead<Known[]>('/api/people');
  const owner = useCell(session)?.person?.role === 'owner';
  const [removed, setRemoved] = useState(0);
  return (
    <>
      <Title lead={owner ? s.lead : s.ownLead}>{s.title}</Title>
      <div class={owner ? 'columns' : 'stack'}>
        <Card title={owner ? s.all : s.you}>
          <Wrong error={people.error} again={people.error ? people.again : undefined} />
          {!people.data && !people.error && <Loading />}
          <ul class="people">
            {people.data?.map((person) => (
              <li key={person.id}>
                <One person={person} owner={owner} changed={people.again} removed={() => setRemoved((count) => count + 1)} />
              </li>
            ))}
          </ul>
          {owner && <CleanUp key={removed} />}
        </Card>
        {owner && (
          <div class="stack">
            <Add added={people.again} />
            <Guests />
          </div>
        )}
      </div>
    </>
  );
}

/** How far the deletion of what those have left is who were removed. */
function CleanUp() {
  const { tasks, again } = useTasks(['erase']);
  return <Tasks tasks={tasks} again={again} />;
}

/** One person, who opens on a tap. */
function One({ person, owner, changed, removed }: { person: Known; owner: boolean; changed: () => void; removed: () => void }) {
  const [open, setOpen] = useState(person.you && !owner);
  const name = person.name ?? s.nameless;
  const state = person.invited_until
    ? s.invited
    : !person.has_password
      ? s.noPassword
      : person.sessions > 0
        ? s.signedIn(person.sessions)
        : s.signedOut;
  const other = owner && !person.you;
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <span class="grow">
          <strong>{name}</strong>
          <span class="hint">
            {person.you ? s.thatIsYou(roleName(person.role)) : roleName(person.role)} · {state}
          </span>
        </span>
      </summary>
      {open && (
        <div class="stack">
          <p class="hint">
            {s.since(day(person.since))} {s.tiers[person.privacy]}
          </p>
          <Rename person={person} changed={changed} />
          {other && <Role person={person} changed={changed} />}
          {other && person.privacy === 'standard' && <Let person={person} changed={changed} />}
          <Ins person={person} changed={changed} />
          {person.role !== 'owner' && <Remove person={person} changed={changed} removed={removed} />}
        </div>
      )}
    </details>
  );
}

function Rename({ person, changed }: { person: Known; changed: () => void }) {
  const [name, setName] = useState(person.name ?? '');
  const doing = useDoing();
  const rename = async () => {
    await ask('PATCH', `/api/people/${person.id}`, { name: name.trim() });
    if (person.you) await look();
    changed();
  };
  return (
    <>
      <form
        class="inline"
        onSubmit={(event) => {
          event.preventDefault();
          void doing.run(rename);
        }}
      >
        <Field label={s.name} required maxLength={100} value={name} onInput={(event) => setName(event.currentTarget.value)} />
        <button type="submit" disabled={doing.busy || name.trim() === person.name || !name.trim()}>
          {s.rename}
        </button>
      </form>
      <Wrong error={doing.error} />
    </>
  );
}

function Role({ person, changed }: { person: Known; changed: () => void }) {
  const doing = useDoing();
  return (
    <>
      <Choice
        label={s.role}
        value={person.role}
        options={ROLES}
        name={roleName}
        disabled={doing.busy}
        onChoice={(role) => void doing.run(() => ask('PATCH', `/api/people/${person.id}`, { role })).then(changed)}
      />
      <p class="hint">{s.roleMeanings[person.role]}</p>
      <Wrong error={doing.error} />
    </>
  );
}

/** How somebody else gets a password. */
function Let({ person, changed }: { person: Known; changed: () => void }) {
  const [code, setCode] = useState<Code | null>(null);
  const doing = useDoing();
  const make = async () => {
    setCode(await post<Code>(`/api/people/${person.id}/code`));
    changed();
  };
  return (
    <>
      <div>
        <button type="button" disabled={doing.busy} onClick={() => void doing.run(make)}>
          {person.has_password ? s.forgotten : s.makeCode}
        </button>
      </div>
      {code && <Shown code={code} name={person.name ?? ''} />}
      <Wrong error={doing.error} />
    </>
  );
}

/** A code, which is shown once. */
function Shown({ code, name }: { code: Code; name: string }) {
  return (
    <div class="made" role="status">
      <p>{s.code(name, code.until ? moment(code.until) : '')}</p>
      <code>{code.code}</code>
    </div>
  );
}

interface Access {
  sessions: Session[];
  programs: Program[];
  tokens: Token[];
  passkeys: Passkey[];
  links: Link[];
}

/** By what they get in, each of which can be ended. */
function Ins({ person, changed }: { person: Known; changed: () => void }) {
  const path = `/api/people/${person.id}/access`;
  const access = useRead<Access>(path);
  const doing = useDoing();
  const data = access.data;
  const lists = data && {
    sessions: data.sessions.map(entryOf.session),
    programs: data.programs.map(entryOf.program),
    tokens: data.tokens.map(entryOf.token),
    passkeys: data.passkeys.map(entryOf.passkey),
    links: data.links.map(entryOf.link),
  };
  const shown = Object.entries(lists ?? {}).filter(([, entries]) => entries.length > 0);
  return (
    <section class="stack" aria-label={s.access}>
      {!data && !access.error && <Loading />}
      <Wrong error={access.error} again={access.error ? access.again : undefined} />
      {lists && shown.length === 0 && <Empty>{s.noAccess}</Empty>}
      {shown.map(([kind, entries]) => (
        <div key={kind}>
          <h3>{s.kinds[kind]}</h3>
          <Entries
            entries={entries}
            path={`${path}/${kind}`}
            end={t.access.end}
            endLabel={t.access.endLabel}
            doing={doing}
            ended={(entry) => {
              access.again();
              changed();
              if (entry.current) void look();
            }}
          />
        </div>
      ))}
    </section>
  );
}

/** Erases somebody, once their name is typed. */
function Remove({ person, changed, removed }: { person: Known; changed: () => void; removed: () => void }) {
  const [typed, setTyped] = useState('');
  const [left, setLeft] = useState<string[]>([]);
  const doing = useDoing();
  const name = person.name ?? '';
  const remove = async () => {
    const { set_aside } = await ask<{ set_aside: string[] }>('DELETE', `/api/people/${person.id}`, { name: typed.trim() });
    setLeft(set_aside);
    if (person.you) return look();
    removed();
    if (set_aside.length === 0) changed();
  };
  if (left.length > 0) return <Wrong error={s.left(left.join(', '))} again={changed} />;
  return (
    <form
      class="danger"
      onSubmit={(event) => {
        event.preventDefault();
        void doing.run(remove);
      }}
    >
      <p>{person.you ? s.eraseYou : s.erase(person.name ?? s.nameless)}</p>
      {name && (
        <Field
          label={s.typed(name)}
          required
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
      )}
      <div>
        <button type="submit" class="danger" disabled={doing.busy || typed.trim() !== name}>
          {doing.busy ? s.erasing : s.eraseYes}
        </button>
      </div>
      <Wrong error={doing.error} />
    </form>
  );
}

function Add({ added }: { added: () => void }) {
  const [name, setName] = useState('');
  const [role, setRole] = useState('member');
  const [by, setBy] = useState<'code' | 'password'>('code');
  const [password, setPassword] = useState('');
  const [made, setMade] = useState<{ name: string; code: Code } | null>(null);
  const group = useId();
  const doing = useDoing();
  const add = async () => {
    setMade(null);
    const sent = { name: name.trim(), role, ...(by === 'password' ? { password } : {}) };
    const code = await post<Code>('/api/people', sent);
    setMade({ name: sent.name, code });
    setName('');
    setPassword('');
    added();
  };
  return (
    <Card title={s.add}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void doing.run(add);
        }}
      >
        <Field label={s.newName} required maxLength={100} value={name} onInput={(event) => setName(event.currentTarget.value)} />
        <Choice label={s.role} value={role} options={ROLES} name={roleName} onChoice={setRole} />
        <p class="hint">{s.roleMeanings[role]}</p>
        <fieldset class="checks">
          <legend>{s.how}</legend>
          {(['code', 'password'] as const).map((way) => (
            <label class="check" key={way}>
              <input type="radio" name={group} checked={by === way} onChange={() => setBy(way)} />
              {s.ways[way]}
            </label>
          ))}
        </fieldset>
        {by === 'password' && (
          <Password
            label={s.theirs}
            hint={t.claim.passwordHint}
            name="new"
            autocomplete="new-password"
            value={password}
            onValue={setPassword}
          />
        )}
        <Wrong error={doing.error} />
        <button type="submit" class="main" disabled={doing.busy}>
          {s.addYes}
        </button>
      </form>
      {made?.code.code ? <Shown code={made.code} name={made.name} /> : <Done>{made ? s.added(made.name) : null}</Done>}
    </Card>
  );
}

/** Whether anybody may come in without a password. */
function Guests() {
  const guests = useRead<{ allowed: boolean; here: number }>('/api/guests');
  const doing = useDoing();
  const set = (allowed: boolean) =>
    void doing.run(() => ask('PUT', '/api/guests', { allowed })).then(() => guests.again());
  const now = guests.data;
  return (
    <Card title={s.guests}>
      {!now && !guests.error && <Loading />}
      {now && (
        <button type="button" class="switch" role="switch" aria-checked={now.allowed} disabled={doing.busy} onClick={() => set(!now.allowed)}>
          <span>{s.guestsAllowed}</span>
          <span class="track" aria-hidden="true">
            <span class="thumb" />
          </span>
          <span class="said" aria-hidden="true">
            {now.allowed ? s.yes : s.no}
          </span>
        </button>
      )}
      <p class="hint">{s.guestsMeaning}</p>
      {now?.allowed && <p class="hint">{s.guestsHere(now.here)}</p>}
      <Wrong error={doing.error ?? guests.error} again={guests.error ? guests.again : undefined} />
    </Card>
  );
}
