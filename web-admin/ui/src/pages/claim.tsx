/** The first person who can hear the device becomes its owner. */
import { useState } from 'preact/hooks';

import { post } from '../api';
import { Done, Field, Password, Title, Wrong } from '../parts/common';
import { Bird } from '../parts/icons';
import { claim } from '../session';
import { t } from '../strings';
import { useDoing } from '../use';

export function Claim() {
  const [code, setCode] = useState('');
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [said, setSaid] = useState(false);
  const claiming = useDoing();
  const saying = useDoing();
  const say = async () => {
    setSaid(false);
    setSaid(await saying.run(() => post('/api/claim/code')));
  };
  return (
    <main class="alone">
      <Bird />
      <Title lead={t.claim.lead}>{t.claim.title}</Title>
      <div class="card">
        <button type="button" class="quiet wide" disabled={saying.busy} onClick={() => void say()}>
          {said ? t.claim.sayAgain : t.claim.say}
        </button>
        <Done>{said ? t.claim.saying : null}</Done>
        <Wrong error={saying.error} />
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void claiming.run(() => claim(code.replace(/\D/g, ''), name.trim(), password));
          }}
        >
          <Field
            label={t.claim.code}
            hint={t.claim.codeHint}
            name="code"
            class="code"
            inputMode="numeric"
            autocomplete="one-time-code"
            pattern="[0-9\s]*"
            required
            value={code}
            onInput={(event) => setCode(event.currentTarget.value)}
          />
          <Field
            label={t.claim.name}
            name="username"
            autocomplete="username"
            required
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
          <Password
            label={t.claim.password}
            hint={t.claim.passwordHint}
            name="password"
            autocomplete="new-password"
            value={password}
            onValue={setPassword}
          />
          <Wrong error={claiming.error} />
          <button type="submit" class="main wide" disabled={claiming.busy}>
            {t.claim.submit}
          </button>
        </form>
      </div>
    </main>
  );
}
