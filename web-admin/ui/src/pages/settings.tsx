/** Every key of the configuration: what it is for, what it holds, where that comes from, and what it is to hold. */
import { useEffect, useId, useMemo, useState } from 'preact/hooks';

import { ask } from '../api';
import { Card, Done, Empty, Field, Loading, Title, Wrong } from '../parts/common';
import { Restart } from '../parts/restart';
import { t } from '../strings';
import { useDoing, useRead } from '../use';

const s = t.settings;

type Plain = string | number | boolean | null;
/** One of several tables: what its keys hold. */
type Table = Record<string, Plain>;
type Value = Plain | Table[];

/** What a key may hold. */
interface Kind {
  kind: 'text' | 'choice' | 'flag' | 'whole' | 'decimal' | 'tables';
  from?: number;
  to?: number;
  choices?: { name: string; about: string }[];
  fields?: TableKey[];
}

interface TableKey extends Kind {
  name: string;
  about: string;
  fixed: boolean;
}

interface Setting extends Kind {
  name: string;
  about: string;
  default: unknown;
  value: unknown;
  source: 'default' | 'file' | 'panel' | 'outside';
  place: string | null;
  fixed: string | null;
}

export interface Settings {
  sections: { name: string; about: string }[];
  settings: Setting[];
  file: string;
  pending: boolean;
}

/** What is to be set and is not yet, by name. Null takes back what the panel has set. */
export type Drafts = Record<string, Value>;

/** Secrets that are given anew with it, by the names under which they are kept. */
type Secrets = Record<string, string>;

export function Settings() {
  const read = useRead<Settings>('/api/settings');
  const [drafts, setDrafts] = useState<Drafts>({});
  const [secrets, setSecrets] = useState<Secrets>({});
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
  const discard = () => {
    setDrafts({});
    setSecrets({});
  };
  const save = () =>
    doing.run(async () => {
      const given = Object.fromEntries(Object.entries(secrets).filter(([, secret]) => secret));
      read.set(await ask<Settings>('PATCH', '/api/settings', { changes: drafts, secrets: given }));
      discard();
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
                    <One key={setting.name} setting={setting} drafts={drafts} draft={draft} secrets={secrets} give={setSecrets} />
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
                  <button type="button" class="quiet" disabled={doing.busy} onClick={discard}>
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

interface OneProps {
  setting: Setting;
  drafts: Drafts;
  draft: (name: string, value?: Value) => void;
  secrets?: Secrets;
  give?: (secrets: Secrets) => void;
}

export function One({ setting, drafts, draft, secrets = {}, give }: OneProps) {
  const id = useId();
  const { name, fixed, source, place } = setting;
  const isDraft = name in drafts;
  const drafted = drafts[name];
  // What is taken back has the default, or what the file says, which is known once it is saved.
  const value = isDraft ? (drafted ?? setting.default) : setting.value;
  const set = (value: Value) => draft(name, isSame(value, setting.value) ? undefined : value);
  const described = `${id}-about ${id}-from`;
  const from = s.from[source];
  return (
    <div class="setting" data-draft={isDraft || undefined}>
      <div class="setting-head">
        {setting.kind === 'tables' ? <strong id={id}>{label(name)}</strong> : <label for={id}>{label(name)}</label>}
        <code>{name}</code>
      </div>
      <p class="hint" id={`${id}-about`}>
        {setting.about}
      </p>
      {fixed ? (
        <Held id={id} setting={setting} />
      ) : setting.kind === 'tables' ? (
        <Tables labelled={id} setting={setting} value={value} set={set} secrets={secrets} give={give} />
      ) : (
        <Input id={id} described={described} of={setting} value={value} set={set} />
      )}
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

function Input(props: { id: string; described: string; of: Kind; value: unknown; set: (value: Plain) => void }) {
  const { id, of, value, set } = props;
  const described = { id, 'aria-describedby': props.described };
  const [text, setText] = useState<string | null>(null);
  useEffect(() => setText(null), [value]);
  switch (of.kind) {
    case 'flag':
      return (
        <select {...described} value={String(value)} onChange={(event) => set(event.currentTarget.value === 'true')}>
          <option value="true">{s.yes}</option>
          <option value="false">{s.no}</option>
        </select>
      );
    case 'choice': {
      const chosen = of.choices?.find((choice) => choice.name === value);
      return (
        <>
          <select {...described} value={String(value ?? '')} onChange={(event) => set(event.currentTarget.value)}>
            {!chosen && <option value="">{s.nothing}</option>}
            {of.choices?.map((choice) => (
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
          min={of.from}
          max={of.to}
          step={of.kind === 'whole' ? 1 : 'any'}
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

/** Several tables: each can be filled in and removed, and another added. */
function Tables(props: {
  labelled: string;
  setting: Setting;
  value: unknown;
  set: (value: Table[]) => void;
  secrets: Secrets;
  give?: (secrets: Secrets) => void;
}) {
  const { setting, set, secrets, give } = props;
  const tables = Array.isArray(props.value) ? (props.value as Table[]) : [];
  const replace = (at: number, table: Table) => set(tables.map((other, n) => (n === at ? table : other)));
  const key = setting.name.slice(setting.name.indexOf('.') + 1);
  return (
    <div class="tables" role="group" aria-labelledby={props.labelled}>
      {tables.map((table, at) => (
        <fieldset key={at}>
          <legend>{s.table(at + 1, String(table.name ?? ''))}</legend>
          {setting.fields?.map((field) => (
            <Cell
              key={field.name}
              field={field}
              value={table[field.name] ?? ''}
              set={(value) => replace(at, { ...table, [field.name]: value })}
            />
          ))}
          {give && 'api_key_secret' in fieldsOf(setting) && !table.api_key_env && !table.api_key_file && (
            <Key
              kept={String(table.api_key_secret ?? '')}
              secrets={secrets}
              give={(secret) => {
                const name = String(table.api_key_secret || `${key}-${table.name || at + 1}-key`);
                replace(at, { ...table, api_key_secret: name });
                give({ ...secrets, [name]: secret });
              }}
            />
          )}
          <button type="button" class="quiet small" onClick={() => set(tables.filter((_, n) => n !== at))}>
            {s.removeTable(at + 1)}
          </button>
        </fieldset>
      ))}
      <button type="button" class="quiet small" onClick={() => set([...tables, {}])}>
        {s.addTable}
      </button>
    </div>
  );
}

const fieldsOf = (setting: Setting) => Object.fromEntries(setting.fields?.map((field) => [field.name, field]) ?? []);

/** One key of a table. What names a file or a variable is the file's to say. */
function Cell({ field, value, set }: { field: TableKey; value: Plain; set: (value: Plain) => void }) {
  const id = useId();
  if (field.fixed && value === '') return null;
  return (
    <div class="field">
      <label for={id}>{label(field.name)}</label>
      {field.fixed ? (
        <output id={id} class="held">
          {value}
        </output>
      ) : (
        <Input id={id} described={`${id}-about`} of={field} value={value} set={set} />
      )}
      <small class="hint" id={`${id}-about`}>
        {field.about}
      </small>
    </div>
  );
}

/** The secret that a table sends, which is never shown. */
function Key({ kept, secrets, give }: { kept: string; secrets: Secrets; give: (secret: string) => void }) {
  return (
    <Field
      label={t.providers.key}
      hint={kept && !(kept in secrets) ? t.providers.keyThere(kept) : t.providers.keyHint}
      type="password"
      autocomplete="off"
      maxLength={8000}
      value={secrets[kept] ?? ''}
      onInput={(event) => give(event.currentTarget.value)}
    />
  );
}

/** Whether two values say the same: in a table, nothing is as good as no key. */
function isSame(one: unknown, other: unknown): boolean {
  if (!Array.isArray(one) || !Array.isArray(other)) return one === other;
  const said = (table: Table) => Object.entries(table).filter(([, value]) => value !== '' && value !== null).sort();
  return JSON.stringify(one.map(said)) === JSON.stringify(other.map(said));
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
