/** Where somebody is signed in, by what password, and which programs may act in their name. */
import { useState } from 'preact/hooks';

import { ask, post } from '../api';
import { Card, Done, Empty, Field, Loading, Password, Title, Wrong } from '../parts/common';
import { look, session } from '../session';
import { t } from '../strings';
import { ago, day, useDoing, useRead } from '../use';

const s = t.access;

interface Session {
  id: string;
  since: string;
  last_seen: string;
  address: string | null;
  agent: string | null;
  current: boolean;
}

interface Token {
  id: string;
  name: string;
  scopes: string[];
  last_used: string | null;
}

export function Access() {
  return (
    <>
      <Title>{s.title}</Title>
      <div class="columns">
        <div class="stack">
          <Sessions />
          <Change />
        </div>
        <Tokens />
      </div>
    </>
  );
}

/** What a person calls a browser, out of what it calls itself. */
function browser(agent: string | null): string {
  if (!agent) return s.unknownAgent;
  const name = /(Firefox|Edg|OPR|Chrome|Safari)\/\d+/.exec(agent)?.[1];
  const system = /(Android|iPhone|iPad|Windows|Mac OS X|Linux)/.exec(agent)?.[1];
  const known: Record<string, string> = { Edg: 'Edge', OPR: 'Opera', 'Mac OS X': 'macOS' };
  const words = [name, system].flatMap((word) => (word ? [known[word] ?? word] : []));
  return words.length > 0 ? words.join(', ') : agent.slice(0, 60);
}

function Sessions() {
  const sessions = useRead<Session[]>('/api/sessions');
  const doing = useDoing();
  const end = (one: Session) =>
    void doing.run(() => ask('DELETE', `/api/sessions/${one.id}`)).then((done) => {
      if (done && one.current) void look();
      else sessions.again();
    });
  return (
    <Card title={s.sessions}>
      <Wrong error={doing.error ?? sessions.error} again={sessions.error ? sessions.again : undefined} />
      {!sessions.data && !sessions.error && <Loading />}
      <ul class="rows">
        {sessions.data?.map((session) => (
          <li key={session.id}>
            <span class="grow">
              <strong>{browser(session.agent)}</strong>
              <span class="hint">
                {session.current ? s.current : s.seen(ago(session.last_seen))}
                {session.address && ` · ${session.address}`} · {s.since(day(session.since))}
              </span>
            </span>
            <button
              type="button"
              class="quiet"
              aria-label={s.endLabel(browser(session.agent))}
              disabled={doing.busy}
              onClick={() => end(session)}
            >
              {s.end}
            </button>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Change() {
  const [old, setOld] = useState('');
  const [fresh, setFresh] = useState('');
  const [changed, setChanged] = useState(false);
  const doing = useDoing();
  return (
    <Card title={s.password}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setChanged(false);
          void doing.run(() => ask('PUT', '/api/password', { old, new: fresh })).then((done) => {
            if (!done) return;
            setChanged(true);
            setOld('');
            setFresh('');
          });
        }}
      >
        {/* By which a password manager knows whose it is. */}
        <input type="hidden" name="username" autocomplete="username" value={session.value?.person?.name} />
        <Password label={s.old} name="old" autocomplete="current-password" value={old} onValue={setOld} />
        <Password
          label={s.fresh}
          hint={t.claim.passwordHint}
          name="new"
          autocomplete="new-password"
          value={fresh}
          onValue={setFresh}
        />
        <Done>{changed ? s.changed : null}</Done>
        <Wrong error={doing.error} />
        <button type="submit" disabled={doing.busy}>
          {s.change}
        </button>
      </form>
    </Card>
  );
}

function Tokens() {
  const tokens = useRead<Token[]>('/api/tokens');
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState<string[]>(['read']);
  const [made, setMade] = useState<string | null>(null);
  const [copied, setCopied] = useState(false);
  const doing = useDoing();
  const make = async () => {
    const { token } = await post<{ id: string; token: string }>('/api/tokens', { name: name.trim(), scopes });
    setMade(token);
    setCopied(false);
    setName('');
    tokens.again();
  };
  return (
    <Card title={s.tokens}>
      <p class="hint">{s.tokensLead}</p>
      <Wrong error={doing.error ?? tokens.error} again={tokens.error ? tokens.again : undefined} />
      {tokens.data?.length === 0 && <Empty>{s.noTokens}</Empty>}
      <ul class="rows">
        {tokens.data?.map((token) => (
          <li key={token.id}>
            <span class="grow">
              <strong>{token.name}</strong>
              <span class="hint">
                {token.scopes.map((scope) => s.scopeNames[scope] ?? scope).join(', ')} ·{' '}
                {token.last_used ? s.used(ago(token.last_used)) : s.unused}
              </span>
            </span>
            <button
              type="button"
              class="quiet"
              aria-label={s.revoke(token.name)}
              disabled={doing.busy}
              onClick={() => void doing.run(() => ask('DELETE', `/api/tokens/${token.id}`)).then(() => tokens.again())}
            >
              {s.revokeWord}
            </button>
          </li>
        ))}
      </ul>
      {made && (
        <div class="made" role="status">
          <p>{s.made}</p>
          <code>{made}</code>
          {/* Only where the address is trusted may a page write to the clipboard. */}
          {navigator.clipboard && (
            <button
              type="button"
              class="quiet"
              onClick={() => void navigator.clipboard.writeText(made).then(() => setCopied(true), () => {})}
            >
              {copied ? s.copied : s.copy}
            </button>
          )}
        </div>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void doing.run(make);
        }}
      >
        <Field
          label={s.name}
          placeholder={s.nameHint}
          required
          maxLength={60}
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <fieldset class="checks">
          <legend>{s.scopes}</legend>
          {Object.entries(s.scopeNames).map(([scope, word]) => (
            <label class="check" key={scope}>
              <input
                type="checkbox"
                checked={scopes.includes(scope)}
                onChange={(event) =>
                  setScopes(event.currentTarget.checked ? [...scopes, scope] : scopes.filter((one) => one !== scope))
                }
              />
              {word}
            </label>
          ))}
        </fieldset>
        <button type="submit" disabled={doing.busy || scopes.length === 0}>
          {s.make}
        </button>
      </form>
    </Card>
  );
}
