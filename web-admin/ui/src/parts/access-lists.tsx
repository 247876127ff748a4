/** By what somebody gets in: lists of it, each with a button that ends it. */
import { useState } from 'preact/hooks';

import { ask } from '../api';
import { t } from '../strings';
import { ago, day, type Doing } from '../use';
import { Sure, Wrong } from './common';

const s = t.access;

export interface Session {
  id: number;
  since: string;
  last_seen: string;
  address: string | null;
  agent: string | null;
  current: boolean;
}

export interface Program {
  id: number;
  since: string;
  last_used: string;
  address: string | null;
  agent: string | null;
  scopes: string[];
  current: boolean;
}

export interface Token {
  id: number;
  name: string;
  scopes: string[];
  last_used: string | null;
}

export interface Passkey {
  id: number;
  name: string;
  host: string;
  since: string;
  last_used: string | null;
}

export interface Link {
  id: number;
  issuer: string;
  since: string;
}

/** One line of such a list. */
export interface Entry {
  id: number;
  name: string;
  about: string;
  current?: boolean;
}

/** What a person calls a browser, out of what it calls itself. */
export function browser(agent: string | null): string {
  if (!agent) return s.unknownAgent;
  const name = /(Firefox|Edg|OPR|Chrome|Safari)\/\d+/.exec(agent)?.[1];
  const system = /(Android|iPhone|iPad|Windows|Mac OS X|Linux)/.exec(agent)?.[1];
  const known: Record<string, string> = { Edg: 'Edge', OPR: 'Opera', 'Mac OS X': 'macOS' };
  const words = [name, system].flatMap((word) => (word ? [known[word] ?? word] : []));
  return words.length > 0 ? words.join(', ') : agent.slice(0, 60);
}

export const scopesOf = (scopes: string[]) => scopes.map((scope) => s.scopeNames[scope] ?? scope).join(', ');

const joined = (...parts: (string | null | false | undefined)[]) => parts.filter(Boolean).join(' · ');
const used = (at: string | null) => (at ? s.used(ago(at)) : s.unused);

export const entryOf = {
  session: (one: Session): Entry => ({
    id: one.id,
    name: browser(one.agent),
    about: joined(one.current ? s.current : s.seen(ago(one.last_seen)), one.address, s.since(day(one.since))),
    current: one.current,
  }),
  program: (one: Program): Entry => ({
    id: one.id,
    name: browser(one.agent),
    about: joined(scopesOf(one.scopes), used(one.last_used), one.address, s.since(day(one.since))),
    current: one.current,
  }),
  token: (one: Token): Entry => ({ id: one.id, name: one.name, about: joined(scopesOf(one.scopes), used(one.last_used)) }),
  passkey: (one: Passkey): Entry => ({ id: one.id, name: one.name, about: joined(one.host, used(one.last_used), s.since(day(one.since))) }),
  link: (one: Link): Entry => ({ id: one.id, name: hostOf(one.issuer), about: s.since(day(one.since)) }),
};

/** The host of an address, which is what people know a server by. */
export function hostOf(address: string): string {
  return URL.canParse(address) ? new URL(address).host : address;
}

/** The lines, each with a button that ends what is at `path`/id. */
export function Entries(props: {
  entries: Entry[];
  path: string;
  end: string;
  endLabel: (name: string) => string;
  doing: Doing;
  ended: (entry: Entry) => void;
  /** Where it can't be had back, it is asked first. */
  sure?: (name: string) => string;
  /** Beside that button. */
  more?: (entry: Entry) => preact.ComponentChildren;
}) {
  const [asked, setAsked] = useState<Entry | null>(null);
  const end = (entry: Entry) =>
    void props.doing.run(() => ask('DELETE', `${props.path}/${entry.id}`)).then(() => props.ended(entry));
  return (
    <>
      <ul class="rows">
        {props.entries.map((entry) => (
          <li key={entry.id}>
            <span class="grow">
              <strong>{entry.name}</strong>
              <span class="hint">{entry.about}</span>
            </span>
            {props.more?.(entry)}
            <button
              type="button"
              class="quiet"
              aria-label={props.endLabel(entry.name)}
              disabled={props.doing.busy}
              onClick={() => (props.sure ? setAsked(entry) : end(entry))}
            >
              {props.end}
            </button>
          </li>
        ))}
      </ul>
      <Wrong error={props.doing.error} />
      {asked && props.sure && (
        <Sure
          question={props.sure(asked.name)}
          yes={props.end}
          onAnswer={(sure) => {
            setAsked(null);
            if (sure) end(asked);
          }}
        />
      )}
    </>
  );
}
