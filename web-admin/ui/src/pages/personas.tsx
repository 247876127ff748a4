/** Who Pipit is when a model answers. */
import { useState } from 'preact/hooks';

import { ask } from '../api';
import { Card, Empty, Field, Loading, Sure, Title, Wrong } from '../parts/common';
import { EditIcon, PlusIcon, TrashIcon } from '../parts/icons';
import type { Persona, Personas as All } from '../parts/persona';
import { session } from '../session';
import { useCell } from '../store';
import { t } from '../strings';
import { type Doing, useDoing, useRead } from '../use';

const s = t.personas;

export function Personas() {
  const read = useRead<All>('/api/personas');
  const owner = useCell(session)?.person?.role === 'owner';
  const [editing, setEditing] = useState<Persona | 'new' | null>(null);
  const [removing, setRemoving] = useState<string | null>(null);
  const doing = useDoing();
  const data = read.data;
  const choose = (speaks: string | null) => void doing.run(() => ask('PATCH', '/api/personas', { speaks })).then(read.again);
  return (
    <>
      <Title lead={s.lead}>{s.title}</Title>
      <Wrong error={read.error ?? doing.error} again={read.error ? read.again : undefined} />
      {!data && !read.error && <Loading />}
      {data && (
        <div class="stack">
          {!data.model && <Empty>{s.noModel}</Empty>}
          <Card title={s.speaks}>
            <ul class="rows personas">
              <One
                title={s.configured}
                about={s.configuredMeans}
                speaks={data.speaks === null}
                doing={doing}
                onChoose={() => choose(null)}
              />
              {data.personas.map((one) => (
                <One
                  key={one.name}
                  title={one.title}
                  about={one.built_in ? s.builtIn(one.name) : one.name}
                  prompt={one.prompt}
                  speaks={data.speaks === one.name}
                  doing={doing}
                  onChoose={() => choose(one.name)}
                  onEdit={owner && !one.built_in ? () => setEditing(one) : undefined}
                  onCopy={owner && one.built_in ? () => setEditing({ ...one, name: `my-${one.name}`, built_in: false }) : undefined}
                  onRemove={owner && !one.built_in ? () => setRemoving(one.name) : undefined}
                />
              ))}
            </ul>
            {owner && editing === null && (
              <button type="button" onClick={() => setEditing('new')}>
                <PlusIcon />
                {s.add}
              </button>
            )}
          </Card>
          {editing !== null && (
            <Edit
              key={editing === 'new' ? '' : editing.name}
              persona={editing === 'new' ? null : editing}
              isNew={editing === 'new' || !data.personas.some((one) => one.name === editing.name)}
              onOver={() => {
                setEditing(null);
                read.again();
              }}
            />
          )}
        </div>
      )}
      {removing !== null && (
        <Sure
          question={s.removeSure(removing)}
          yes={t.remove}
          onAnswer={(sure) => {
            setRemoving(null);
            if (sure) void doing.run(() => ask('DELETE', `/api/personas/${removing}`)).then(read.again);
          }}
        />
      )}
    </>
  );
}

function One(props: {
  title: string;
  about: string;
  prompt?: string;
  speaks: boolean;
  doing: Doing;
  onChoose: () => void;
  onEdit?: () => void;
  onCopy?: () => void;
  onRemove?: () => void;
}) {
  const { title } = props;
  return (
    <li>
      <div class="grow">
        <label class="check">
          <input
            type="radio"
            name="speaks"
            checked={props.speaks}
            disabled={props.doing.busy}
            onChange={(event) => {
              event.currentTarget.checked = props.speaks;
              props.onChoose();
            }}
          />
          <strong>{title}</strong>
        </label>
        <span class="hint">{props.about}</span>
        {props.prompt && (
          <details>
            <summary>{s.shown}</summary>
            <p class="prompt">{props.prompt}</p>
          </details>
        )}
      </div>
      {props.onCopy && (
        <button type="button" class="quiet small" aria-label={s.copyOf(title)} onClick={props.onCopy}>
          {s.copy}
        </button>
      )}
      {props.onEdit && (
        <button type="button" class="tool" aria-label={s.editOf(title)} title={s.editOf(title)} onClick={props.onEdit}>
          <EditIcon />
        </button>
      )}
      {props.onRemove && (
        <button type="button" class="tool" aria-label={s.removeOf(title)} title={s.removeOf(title)} onClick={props.onRemove}>
          <TrashIcon />
        </button>
      )}
    </li>
  );
}

function Edit({ persona, isNew, onOver }: { persona: Persona | null; isNew: boolean; onOver: () => void }) {
  const [name, setName] = useState(persona?.name ?? '');
  const [title, setTitle] = useState(persona?.title ?? '');
  const [prompt, setPrompt] = useState(persona?.prompt ?? '');
  const [greeting, setGreeting] = useState(persona?.greeting ?? '');
  const [keeps, setKeeps] = useState(Boolean(persona?.topic));
  const [subject, setSubject] = useState(persona?.topic?.subject.join(', ') ?? '');
  const [refusal, setRefusal] = useState(persona?.topic?.refusal ?? '');
  const doing = useDoing();
  const save = () => {
    const words = subject.split(/[,\n]/).map((word) => word.trim()).filter(Boolean);
    const topic = keeps ? { ...(persona?.topic ?? { elsewhere: [], small_talk: [] }), subject: words, refusal } : undefined;
    const pack = { title, prompt, greeting: greeting.trim() || undefined, tools: persona?.tools ?? undefined, topic };
    void doing.run(() => ask('PUT', `/api/personas/${encodeURIComponent(name.trim())}`, pack)).then((kept) => kept && onOver());
  };
  return (
    <Card title={isNew ? s.add : s.editOf(persona?.title ?? '')}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        {isNew && (
          <Field label={s.name} hint={s.nameHint} required maxLength={30} pattern="[a-z0-9\-]+" value={name} onInput={(event) => setName(event.currentTarget.value)} />
        )}
        <Field label={s.titleLabel} hint={s.titleHint} required maxLength={100} value={title} onInput={(event) => setTitle(event.currentTarget.value)} />
        <div class="field">
          <label for="persona-prompt">{s.prompt}</label>
          <textarea
            id="persona-prompt"
            rows={8}
            required
            maxLength={8000}
            aria-describedby="persona-prompt-hint"
            value={prompt}
            onInput={(event) => setPrompt(event.currentTarget.value)}
          />
          <small id="persona-prompt-hint" class="hint">
            {s.promptHint}
          </small>
        </div>
        <Field label={s.greeting} hint={s.greetingHint} maxLength={500} value={greeting} onInput={(event) => setGreeting(event.currentTarget.value)} />
        <label class="check">
          <input type="checkbox" checked={keeps} onChange={(event) => setKeeps(event.currentTarget.checked)} />
          {s.keeps}
        </label>
        {keeps && (
          <>
            <Field label={s.subject} hint={s.subjectHint} required value={subject} onInput={(event) => setSubject(event.currentTarget.value)} />
            <Field label={s.refusal} required maxLength={500} value={refusal} onInput={(event) => setRefusal(event.currentTarget.value)} />
          </>
        )}
        {persona?.tools && <p class="hint">{s.tools(persona.tools.length)}</p>}
        <Wrong error={doing.error} />
        <div class="row end">
          <button type="button" class="quiet" onClick={onOver}>
            {t.cancel}
          </button>
          <button type="submit" class="main" disabled={doing.busy}>
            {t.save}
          </button>
        </div>
      </form>
    </Card>
  );
}
