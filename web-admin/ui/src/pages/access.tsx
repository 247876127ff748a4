/** Where somebody is signed in, by what password, and which programs may act in their name. */
import { useState } from 'preact/hooks';

import { ask, post } from '../api';
import { entryOf, Entries, type Link, type Passkey, type Program, scopesOf, type Session, type Token } from '../parts/access-lists';
import { Card, Done, Empty, Field, Loading, Password, Title, Wrong } from '../parts/common';
import { EditIcon } from '../parts/icons';
import { make, possible } from '../passkeys';
import { cameBack, connect } from '../provider';
import { look, session } from '../session';
import { t } from '../strings';
import type { Ways } from '../types';
import { ago, useDoing, useRead } from '../use';

const s = t.access;

export function Access() {
  return (
    <>
      <Title>{s.title}</Title>
      <div class="columns">
        <div class="stack">
          <Sessions />
          <Change />
          <Links />
        </div>
        <div class="stack">
          <Passkeys />
          <Programs />
          <Tokens />
        </div>
      </div>
    </>
  );
}

function Sessions() {
  const sessions = useRead<Session[]>('/api/sessions');
  const doing = useDoing();
  return (
    <Card title={s.sessions}>
      <Wrong error={sessions.error} again={sessions.error ? sessions.again : undefined} />
      {!sessions.data && !sessions.error && <Loading />}
      <Entries
        entries={sessions.data?.map(entryOf.session) ?? []}
        path="/api/sessions"
        end={s.end}
        endLabel={s.endLabel}
        doing={doing}
        ended={(one) => {
          if (one.current) void look();
          else sessions.again();
        }}
      />
    </Card>
  );
}

/** Shown where there are any: few people have such programs. */
function Programs() {
  const programs = useRead<Program[]>('/api/programs');
  const doing = useDoing();
  if (!programs.data?.length && !programs.error && !doing.error) return null;
  return (
    <Card title={s.programs}>
      <p class="hint">{s.programsLead}</p>
      <Wrong error={programs.error} again={programs.error ? programs.again : undefined} />
      <Entries
        entries={programs.data?.map(entryOf.program) ?? []}
        path="/api/programs"
        end={s.end}
        endLabel={s.endLabel}
        doing={doing}
        ended={programs.again}
      />
    </Card>
  );
}

/** Shown where another server vouches for people, or has. */
function Links() {
  const ways = useRead<Ways>('/api/ways');
  const links = useRead<Link[]>('/api/links');
  const [password, setPassword] = useState('');
  const doing = useDoing();
  const connecting = useDoing();
  const host = ways.data?.provider;
  if (!host && !links.data?.length) return null;
  const entries = links.data?.map(entryOf.link) ?? [];
  return (
    <Card title={s.links}>
      {host && <p class="hint">{s.linksLead(host)}</p>}
      <Wrong error={links.error} again={links.error ? links.again : undefined} />
      <Entries
        entries={entries}
        path="/api/links"
        end={s.disconnectWord}
        endLabel={s.disconnect}
        sure={s.disconnectSure}
        doing={doing}
        ended={links.again}
      />
      {host && entries.length === 0 && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void connecting.run(() => connect(password));
          }}
        >
          <Password label={s.passkeyPassword} name="password" autocomplete="current-password" value={password} onValue={setPassword} />
          <Wrong error={connecting.error ?? cameBack.connect} />
          <button type="submit" disabled={connecting.busy}>
            {s.connect(host)}
          </button>
        </form>
      )}
    </Card>
  );
}

function Passkeys() {
  const passkeys = useRead<Passkey[]>('/api/passkeys');
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [made, setMade] = useState(false);
  const [renamed, setRenamed] = useState<number | null>(null);
  const [newName, setNewName] = useState('');
  const doing = useDoing();
  const making = useDoing();
  const create = async () => {
    setMade(false);
    await make(name.trim(), password);
    setMade(true);
    setName('');
    setPassword('');
    passkeys.again();
  };
  const rename = async (id: number) => {
    await ask('PATCH', `/api/passkeys/${id}`, { name: newName.trim() });
    setRenamed(null);
    passkeys.again();
  };
  return (
    <Card title={s.passkeys}>
      <p class="hint">{s.passkeysLead}</p>
      <Wrong error={passkeys.error} again={passkeys.error ? passkeys.again : undefined} />
      {passkeys.data?.length === 0 && <Empty>{s.noPasskeys}</Empty>}
      <Entries
        entries={passkeys.data?.map(entryOf.passkey) ?? []}
        path="/api/passkeys"
        end={s.removeWord}
        endLabel={s.removePasskey}
        sure={s.removePasskeySure}
        doing={doing}
        ended={passkeys.again}
        more={(entry) => (
          <button
            type="button"
            class="tool"
            aria-label={s.renamePasskey(entry.name)}
            title={s.renamePasskey(entry.name)}
            aria-expanded={renamed === entry.id}
            onClick={() => {
              setRenamed(renamed === entry.id ? null : entry.id);
              setNewName(entry.name);
            }}
          >
            <EditIcon />
          </button>
        )}
      />
      {renamed !== null && (
        <form
          class="inline"
          onSubmit={(event) => {
            event.preventDefault();
            void doing.run(() => rename(renamed));
          }}
        >
          <Field label={s.passkeyName} required maxLength={60} value={newName} onInput={(event) => setNewName(event.currentTarget.value)} />
          <button type="submit" disabled={doing.busy}>
            {t.save}
          </button>
        </form>
      )}
      {possible() ? (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void making.run(create);
          }}
        >
          <Field
            label={s.passkeyName}
            placeholder={s.passkeyNameHint}
            required
            maxLength={60}
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
          <Password label={s.passkeyPassword} name="password" autocomplete="current-password" value={password} onValue={setPassword} />
          <Done>{made ? s.passkeyMade : null}</Done>
          <Wrong error={making.error} />
          <button type="submit" disabled={making.busy}>
            {s.makePasskey}
          </button>
        </form>
      ) : (
        <p class="hint">{s.passkeysNotHere}</p>
      )}
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
        <input type="hidden" name="username" autocomplete="username" value={session.value?.person?.name ?? ''} />
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
  const makeToken = async () => {
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
                {scopesOf(token.scopes)} ·{' '}
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
          void doing.run(makeToken);
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
