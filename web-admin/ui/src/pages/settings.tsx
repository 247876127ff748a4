/** Every key of the configuration: what it is for, what it holds, where that comes from, and what it is to hold. */
import { useEffect, useId, useMemo, useState } from 'preact/hooks';

import { ask } from '../api';
import { Card, Done, Empty, Field, Loading, Title, Wrong } from '../parts/common';
import { Restart } from '../parts/restart';
import { t } from '../strings';
import { useDoing, useRead } from '../use';

const s = t.settings;

type Value = string | number | boolean | null;

interface Setting {
  name: string;
  about: string;
  kind: 'text' | 'choice' | 'flag' | 'whole' | 'decimal' | 'tables';
  default: unknown;
  value: unknown;
  source: 'default' | 'file' | 'panel' | 'outside';
  place: string | null;
  fixed: string | null;
  from?: number;
  to?: number;
  choices?: { name: string; about: string }[];
}

export interface Settings {
  sections: { name: string; about: string }[];
  settings: Setting[];
  file: string;
  pending: boolean;
}

/** What is to be set and is not yet, by name. Null takes back what the panel has set. */
export type Drafts = Record<string, Value>;

export function Settings() {
  const read = useRead<Settings>('/api/settings');
  const [drafts, setDrafts] = useState<Drafts>({});
  const [wanted, setWanted] = useState('');
  const [saved, setSaved] = useState<string | null>(null);
  const doing = useDoing();
  const changes = Object.keys(drafts).length;
  useEffect(() => {
    if (changes === 0) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener('beforeunload', warn);
    return () => removeEventListener('beforeunload', warn);
  }, [changes === 0]);
  const draft = (name: string, value: Value | undefined) => {
    setSaved(null);
    setDrafts(({ [name]: _, ...others }) => (value === undefined ? others : { ...others, [name]: value }));
  };
  const save = () =>
    doing.run(async () => {
      read.set(await ask<Settings>('PATCH', '/api/settings', { changes: drafts }));
      setDrafts({});
      setSaved(s.saved(changes));
    });
  const data = read.data;
  const found = useMemo(() => data?.settings.filter((setting) => matches(setting, wanted)) ?? [], [data, wanted]);
  return (
    <>
      <Title lead={data ? s.lead(data.file) : undefined}>{s.title}</Title>
      {data?.pending && (
        <Card class="notice">
          <p>{s.pending}</p>
          <Restart />
        </Card>
      )}
      <Wrong error={read.error} again={read.again} />
      {!data && !read.error && <Loading />}
      {data && (
        <>
          <Field label={s.find} type="search" value={wanted} onInput={(event) => setWanted(event.currentTarget.value)} />
          {found.length === 0 && <Empty>{s.none(wanted)}</Empty>}
          <form
            class="stack"
            onSubmit={(event) => {
              event.preventDefault();
              void save();
            }}
          >
            {data.sections.map((section) => {
              const inside = found.filter((setting) => setting.name.startsWith(`${section.name}.`));
              if (inside.length === 0) return null;
              return (
                <Section key={section.name} {...section} open={wanted !== ''}>
                  {inside.map((setting) => (
                    <One key={setting.name} setting={setting} drafts={drafts} draft={draft} />
                  ))}
                </Section>
              );
            })}
            <div class={changes > 0 ? 'save' : 'save idle'}>
              <Wrong error={doing.error} />
              <Done>{saved}</Done>
              {changes > 0 && (
                <div class="row">
                  <span class="grow">{s.changes(changes)}</span>
                  <button type="button" class="quiet" disabled={doing.busy} onClick={() => setDrafts({})}>
                    {s.discard}
                  </button>
                  <button type="submit" class="main" disabled={doing.busy}>
                    {t.save}
                  </button>
                </div>
              )}
            </div>
          </form>
        </>
      )}
    </>
  );
}

function Section(props: { name: string; about: string; open: boolean; children: preact.ComponentChildren }) {
  return (
    <details class="card settings" open={props.open || undefined}>
      <summary>
        <h2>{s.sections[props.name] ?? props.name}</h2>
        <span class="hint">{props.about}</span>
      </summary>
      {props.children}
    </details>
  );
}

export function One({ setting, drafts, draft }: { setting: Setting; drafts: Drafts; draft: (name: string, value?: Value) => void }) {
  const id = useId();
  const { name, fixed, source, place } = setting;
  const isDraft = name in drafts;
  const drafted = drafts[name];
  // What is taken back has the default, or what the file says, which is known once it is saved.
  const value = isDraft ? (drafted ?? setting.default) : setting.value;
  const set = (value: Value) => draft(name, value === setting.value ? undefined : value);
  const from = s.from[source];
  return (
    <div class="setting" data-draft={isDraft || undefined}>
      <div class="setting-head">
        <label for={id}>{label(name)}</label>
        <code>{name}</code>
      </div>
      <p class="hint" id={`${id}-about`}>
        {setting.about}
      </p>
      {fixed ? <Held id={id} setting={setting} /> : <Input id={id} setting={setting} value={value} set={set} />}
      <p class="hint" id={`${id}-from`}>
        {isDraft && drafted === null ? s.takenBack : typeof from === 'function' ? from(place ?? '') : from}{' '}
        {source !== 'default' && setting.kind !== 'tables' && s.default(written(setting.default, setting))} {fixed}
      </p>
      {source === 'panel' && !isDraft && (
        <button type="button" class="quiet small" onClick={() => draft(name, null)}>
          {s.takeBack}
        </button>
      )}
      {isDraft && (
        <button type="button" class="quiet small" onClick={() => draft(name)}>
          {s.undo}
        </button>
      )}
    </div>
  );
}

/** What can't be changed here. */
function Held({ id, setting }: { id: string; setting: Setting }) {
  return (
    <output id={id} class="held" aria-describedby={`${id}-about ${id}-from`}>
      {written(setting.value, setting)}
    </output>
  );
}

function Input(props: { id: string; setting: Setting; value: unknown; set: (value: Value) => void }) {
  const { id, setting, value, set } = props;
  const described = { id, 'aria-describedby': `${id}-about ${id}-from` };
  const [text, setText] = useState<string | null>(null);
  useEffect(() => setText(null), [value]);
  switch (setting.kind) {
    case 'flag':
      return (
        <select {...described} value={String(value)} onChange={(event) => set(event.currentTarget.value === 'true')}>
          <option value="true">{s.yes}</option>
          <option value="false">{s.no}</option>
        </select>
      );
    case 'choice': {
      const chosen = setting.choices?.find((choice) => choice.name === value);
      return (
        <>
          <select {...described} value={String(value)} onChange={(event) => set(event.currentTarget.value)}>
            {setting.choices?.map((choice) => (
              <option key={choice.name} value={choice.name}>
                {choice.name}
              </option>
            ))}
          </select>
          {chosen?.about && <p class="hint">{chosen.about}</p>}
        </>
      );
    }
    case 'whole':
    case 'decimal':
      return (
        <input
          {...described}
          type="number"
          required
          min={setting.from}
          max={setting.to}
          step={setting.kind === 'whole' ? 1 : 'any'}
          value={text ?? String(value ?? '')}
          onInput={(event) => {
            setText(event.currentTarget.value);
            const number = event.currentTarget.valueAsNumber;
            if (!Number.isNaN(number)) set(number);
          }}
        />
      );
    default:
      return (
        <input
          {...described}
          type="text"
          value={String(value ?? '')}
          maxLength={4000}
          onInput={(event) => set(event.currentTarget.value)}
        />
      );
  }
}

/** `ear.pause_ms` as a person reads it. */
function label(name: string): string {
  const key = name.slice(name.indexOf('.') + 1);
  const [, words = key, unit] = /^(.*?)(?:_(ms|s|min|days))?$/.exec(key) ?? [];
  const spaced = words.replaceAll('_', ' ');
  const unitName = unit && s.units[unit as keyof typeof s.units];
  return spaced.charAt(0).toUpperCase() + spaced.slice(1) + (unitName ? ` (${unitName})` : '');
}

function written(value: unknown, setting: Setting): string {
  if (setting.kind === 'tables') return s.tables(Array.isArray(value) ? value.length : 0);
  if (value === null || value === undefined || value === '') return s.nothing;
  if (typeof value === 'boolean') return value ? s.yes : s.no;
  return String(value);
}

function matches(setting: Setting, wanted: string): boolean {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  const text = `${setting.name} ${label(setting.name)} ${setting.about}`.toLowerCase();
  return words.every((word) => text.includes(word));
}
