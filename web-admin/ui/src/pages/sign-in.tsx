import { useState } from 'preact/hooks';

import { Card, Field, Password, Title, Wrong } from '../parts/common';
import { Bird } from '../parts/icons';
import { possible, signInByPasskey } from '../passkeys';
import { cameBack, leave } from '../provider';
import { accept, comeAsGuest, signIn } from '../session';
import { t } from '../strings';
import type { Ways } from '../types';
import { useDoing, useRead } from '../use';

const s = t.signIn;


export function SignIn() {
  const [byCode, setByCode] = useState(false);
  return (
    <main class="alone">
      <Bird />
      <Title lead={byCode ? s.codeLead : s.lead}>{byCode ? s.codeTitle : s.title}</Title>
      {byCode ? <ByCode /> : <ByPassword />}
      <Others byCode={byCode} setByCode={setByCode} />
    </main>
  );
}

function ByPassword() {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const doing = useDoing();
  return (
    <form
      class="card"
      onSubmit={(event) => {
        event.preventDefault();
        void doing.run(() => signIn(name.trim(), password));
      }}
    >
      <Field
        label={s.name}
        name="username"
        autocomplete="username"
        required
        value={name}
        onInput={(event) => setName(event.currentTarget.value)}
      />
      <Password label={s.password} name="password" autocomplete="current-password" value={password} onValue={setPassword} />
      <Wrong error={doing.error} />
      <button type="submit" class="main wide" disabled={doing.busy}>
        {s.submit}
      </button>
    </form>
  );
}

/** For whoever the owner has given a code. */
function ByCode() {
  const [name, setName] = useState('');
  const [code, setCode] = useState('');
  const [password, setPassword] = useState('');
  const doing = useDoing();
  return (
    <form
      class="card"
      onSubmit={(event) => {
        event.preventDefault();
        void doing.run(() => accept(name.trim(), code, password));
      }}
    >
      <Field
        label={s.name}
        name="username"
        autocomplete="username"
        required
        value={name}
        onInput={(event) => setName(event.currentTarget.value)}
      />
      <Field
        label={s.codeLabel}
        hint={s.codeHint}
        name="code"
        autocomplete="one-time-code"
        required
        maxLength={30}
        value={code}
        onInput={(event) => setCode(event.currentTarget.value)}
      />
      <Password
        label={s.fresh}
        hint={t.claim.passwordHint}
        name="password"
        autocomplete="new-password"
        value={password}
        onValue={setPassword}
      />
      <Wrong error={doing.error} />
      <button type="submit" class="main wide" disabled={doing.busy}>
        {s.codeSubmit}
      </button>
    </form>
  );
}

function Others({ byCode, setByCode }: { byCode: boolean; setByCode: (byCode: boolean) => void }) {
  const ways = useRead<Ways>('/api/ways');
  const doing = useDoing();
  const run = (what: () => Promise<void>) => () => void doing.run(what);
  return (
    <Card title={s.or}>
      <div class="ways">
        {possible() && (
          <button type="button" class="quiet wide" disabled={doing.busy} onClick={run(signInByPasskey)}>
            {s.passkey}
          </button>
        )}
        {ways.data?.provider && (
          <button type="button" class="quiet wide" disabled={doing.busy} onClick={run(leave)}>
            {s.provider(ways.data.provider)}
          </button>
        )}
        <button type="button" class="quiet wide" onClick={() => setByCode(!byCode)}>
          {byCode ? s.codeBack : s.code}
        </button>
        {ways.data?.guests && (
          <>
            <button type="button" class="quiet wide" disabled={doing.busy} onClick={run(comeAsGuest)}>
              {s.guest}
            </button>
            <p class="hint">{s.guestHint}</p>
          </>
        )}
      </div>
      <Wrong error={doing.error ?? cameBack.signIn} />
    </Card>
  );
}
