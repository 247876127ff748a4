/** A few keys of the configuration on the page that they are about. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

import { ask } from '../api';
import { type Drafts, One, type Settings } from '../pages/settings';
import { t } from '../strings';
import { useDoing, useRead } from '../use';
import { Card, Done, Field, Loading, Wrong } from './common';
import { Restart } from './restart';

const s = t.settings;

interface Props {
  title: string;
  lead?: string;
  /** Whether it is opened by hand. */
  folded?: boolean;
  /** `section.key` of each. */
  names: string[];
  /** The section that has an API key or a password, if one has. */
  keyOf?: string;
  onSaved?: () => void;
}

export function SomeSettings({ title, lead, folded, names, keyOf, onSaved }: Props) {
  const read = useRead<Settings>('/api/settings');
  const [drafts, setDrafts] = useState<Drafts>({});
  const [key, setKey] = useState('');
  const [saved, setSaved] = useState<string | null>(null);
  const doing = useDoing();
  const changes = Object.keys(drafts).length;
  const draft: Parameters<typeof One>[0]['draft'] = (name, value) => {
    setSaved(null);
    setDrafts(({ [name]: _, ...others }) => (value === undefined ? others : { ...others, [name]: value }));
  };
  const find = (name: string) => read.data?.settings.find((setting) => setting.name === name);
  const value = (name: string) => String(find(name)?.value ?? '');
  const secretKey = `${keyOf}.${keyOf === 'mqtt' ? 'password' : 'api_key'}`;
  const secret = value(`${secretKey}_secret`);
  const elsewhere = value(`${secretKey}_env`) || value(`${secretKey}_file`);
  const discard = () => {
    setDrafts({});
    setKey('');
  };
  const save = () =>
    doing.run(async () => {
      const body: { changes: Drafts; secrets?: Record<string, string> } = { changes: drafts };
      if (key && keyOf) {
        const name = secret || `${keyOf}-key`;
        body.changes = { ...drafts, [`${secretKey}_secret`]: name };
        body.secrets = { [name]: key };
      }
      read.set(await ask<Settings>('PATCH', '/api/settings', body));
      setSaved(s.saved(Object.keys(body.changes).length));
      discard();
      onSaved?.();
    });
  return (
    <Around title={title} lead={lead} folded={folded}>
      {saved && read.data?.pending && (
        <div class="row">
          <p class="grow">{s.pending}</p>
          <Restart />
        </div>
      )}
      <Wrong error={read.error} again={read.again} />
      {!read.data && !read.error && <Loading />}
      {read.data && (
        <form
          class="some-settings"
          onSubmit={(event) => {
            event.preventDefault();
            void save();
          }}
        >
          {names.flatMap((name) => find(name) ?? []).map((setting) => (
            <One key={setting.name} setting={setting} drafts={drafts} draft={draft} />
          ))}
          {keyOf && !elsewhere && (
            <div class="setting" data-draft={key ? true : undefined}>
              <Field
                label={keyOf === 'mqtt' ? t.providers.password : t.providers.key}
                hint={secret ? t.providers.keyThere(secret) : t.providers.keyHint}
                type="password"
                autocomplete="off"
                maxLength={8000}
                value={key}
                onInput={(event) => setKey(event.currentTarget.value)}
              />
            </div>
          )}
          {keyOf && elsewhere && <p class="hint">{t.providers.keyElsewhere}</p>}
          <Wrong error={doing.error} />
          <Done>{saved}</Done>
          {(changes > 0 || key) && (
            <div class="row end">
              <button type="button" class="quiet" disabled={doing.busy} onClick={discard}>
                {s.discard}
              </button>
              <button type="submit" class="main" disabled={doing.busy}>
                {t.save}
              </button>
            </div>
          )}
        </form>
      )}
    </Around>
  );
}

function Around({ title, lead, folded, children }: { title: string; lead?: string; folded?: boolean; children: ComponentChildren }) {
  if (!folded) {
    return (
      <Card title={title}>
        {lead && <p class="hint">{lead}</p>}
        {children}
      </Card>
    );
  }
  return (
    <details class="card settings">
      <summary>
        <h2>{title}</h2>
        {lead && <span class="hint">{lead}</span>}
      </summary>
      {children}
    </details>
  );
}
