import { useState } from 'preact/hooks';

import { Field, Password, Title, Wrong } from '../parts/common';
import { Bird } from '../parts/icons';
import { signIn } from '../session';
import { t } from '../strings';
import { useDoing } from '../use';

export function SignIn() {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const doing = useDoing();
  return (
    <main class="alone">
      <Bird />
      <Title lead={t.signIn.lead}>{t.signIn.title}</Title>
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault();
          void doing.run(() => signIn(name.trim(), password));
        }}
      >
        <Field
          label={t.signIn.name}
          name="username"
          autocomplete="username"
          required
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <Password
          label={t.signIn.password}
          name="password"
          autocomplete="current-password"
          value={password}
          onValue={setPassword}
        />
        <Wrong error={doing.error} />
        <button type="submit" class="main wide" disabled={doing.busy}>
          {t.signIn.submit}
        </button>
      </form>
    </main>
  );
}
