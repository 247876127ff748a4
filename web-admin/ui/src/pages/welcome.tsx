/** The first steps after the claim. Each can be left, and is come back to. */
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useState } from 'preact/hooks';

import { ask, post } from '../api';
import { snapshot } from '../daemon';
import { Card, Choice, Done, Field, Loading, Title, Wrong } from '../parts/common';
import { BadIcon, GoodIcon } from '../parts/icons';
import { Restart } from '../parts/restart';
import { go, path } from '../router';
import { useCell } from '../store';
import { t } from '../strings';
import type { Choices } from '../types';
import { useDoing, useRead } from '../use';
import { Microphone, Speaker, useSound } from './audio';
import { Row, useShelf } from './models';

const s = t.welcome;

interface Household {
  mqtt: boolean;
  llm: boolean;
}

interface Reached {
  step: string;
  household: Household;
}

type Step = keyof typeof s.steps;
const STEPS = Object.keys(s.steps) as Step[];

export function Welcome() {
  const reached = useRead<Reached>('/api/welcome');
  const doing = useDoing();
  const named = useCell(path).split('/')[2];
  const at = STEPS.find((step) => step === named) ?? STEPS.find((step) => step === reached.data?.step) ?? STEPS[0]!;
  const place = STEPS.indexOf(at);
  // What was reached is kept, so that it is gone on with from there; to look back is not to go back.
  const move = (step: Step | 'done') =>
    void doing.run(() => ask('PUT', '/api/welcome', { step })).then((done) => {
      if (done) go(step === 'done' ? '/' : `/welcome/${step}`);
    });
  useEffect(() => {
    document.querySelector('h1')?.focus();
    window.scrollTo(0, 0);
  }, [at]);
  const household = reached.data?.household;
  return (
    <>
      <Title lead={s.lead}>{s.title}</Title>
      <ol class="steps" aria-label={s.progress}>
        {STEPS.map((step, n) => (
          <li key={step} data-done={n < place ? true : undefined}>
            <a href={`/welcome/${step}`} aria-current={step === at ? 'step' : undefined}>
              <span>{s.steps[step]}</span>
            </a>
          </li>
        ))}
      </ol>
      <Wrong error={reached.error} again={reached.again} />
      {!household && !reached.error && <Loading />}
      {household && (
        <>
          {at === 'room' && <Room />}
          {at === 'sound' && <SoundStep />}
          {at === 'model' && <ModelStep />}
          {at === 'wake' && <Wake />}
          {at === 'more' && <More household={household} />}
          <Wrong error={doing.error} />
          <div class="row end">
            {place > 0 && (
              <button type="button" class="quiet" disabled={doing.busy} onClick={() => go(`/welcome/${STEPS[place - 1]}`)}>
                {s.back}
              </button>
            )}
            <button type="button" class="main" disabled={doing.busy} onClick={() => move(STEPS[place + 1] ?? 'done')}>
              {place === STEPS.length - 1 ? s.finish : s.next}
            </button>
          </div>
        </>
      )}
    </>
  );
}

interface Setting {
  name: string;
  value: unknown;
  /** Why it can't be set here, if so. */
  fixed: string | null;
}

interface Settings {
  settings: Setting[];
  pending: boolean;
}

/** Languages that the recognisers and voices of the catalogue know best; whatever else is configured is shown too. */
const LANGUAGES = ['en', 'de', 'es', 'fr', 'it', 'nl', 'pl', 'pt', 'sv'];

function Room() {
  const settings = useRead<Settings>('/api/settings');
  const [room, setRoom] = useState<string | null>(null);
  const [saved, setSaved] = useState(false);
  const doing = useDoing();
  const held = (name: string) => settings.data?.settings.find((setting) => setting.name === name);
  const set = (name: string, value: string) =>
    doing.run(async () => {
      setSaved(false);
      settings.set(await ask<Settings>('PATCH', '/api/settings', { changes: { [name]: value } }));
      setSaved(true);
    });
  const [area, language] = [held('home.area'), held('stt.language')];
  return (
    <Card title={s.roomTitle}>
      <Wrong error={settings.error} again={settings.again} />
      {!settings.data && !settings.error && <Loading />}
      {area && (
        <form
          class="inline"
          onSubmit={(event) => {
            event.preventDefault();
            if (room !== null) void set('home.area', room.trim());
          }}
        >
          <Field
            label={s.room}
            hint={area.fixed ?? s.roomHint}
            placeholder={s.roomExample}
            maxLength={60}
            value={room ?? String(area.value ?? '')}
            onInput={(event) => setRoom(event.currentTarget.value)}
          />
          <button type="submit" disabled={doing.busy || room === null || area.fixed !== null}>
            {t.save}
          </button>
        </form>
      )}
      {language && (
        <Choice
          label={s.language}
          value={String(language.value)}
          options={LANGUAGES}
          name={languageName}
          disabled={doing.busy || language.fixed !== null}
          onChoice={(code) => void set('stt.language', code)}
        />
      )}
      <Done>{saved && settings.data?.pending ? s.roomSaved : null}</Done>
      {settings.data?.pending && <Restart />}
      <Wrong error={doing.error} />
    </Card>
  );
}

function languageName(code: string): string {
  try {
    return new Intl.DisplayNames([t.code], { type: 'language' }).of(code) ?? code;
  } catch {
    return code;
  }
}

function SoundStep() {
  const { devices, tasks } = useSound();
  return (
    <>
      <Wrong error={devices.error ?? tasks.error} again={devices.again} />
      {!devices.data && !devices.error && <Loading />}
      {devices.data?.note && <p class="note">{devices.data.note}</p>}
      {devices.data && (
        <div class="columns">
          <Speaker devices={devices.data} tasks={tasks} />
          <Microphone devices={devices.data} tasks={tasks} />
        </div>
      )}
    </>
  );
}

function ModelStep() {
  const { shelf, tasks, again } = useShelf();
  const now = useCell(snapshot);
  const all = shelf.data;
  const shown = all?.models.filter(
    (model) => all.recommended.includes(model.name) || (model.kind === 'stt' && model.state === 'installed'),
  );
  return (
    <Card title={s.modelTitle} extra={<a href="/models">{s.allModels}</a>}>
      <p class="hint">{s.modelHint(now?.recogniser ?? t.overview.none)}</p>
      <Wrong error={shelf.error ?? tasks.error} again={again} />
      {!all && !shelf.error && <Loading />}
      <ul class="rows wide">
        {shown?.map((model) => (
          <Row
            key={model.name}
            model={model}
            recommended={all?.recommended.includes(model.name) ?? false}
            tasks={tasks.tasks.filter((task) => task.about === model.name)}
            again={again}
            brief
          />
        ))}
      </ul>
      <p class="hint">
        {s.voiceHint} <a href="/voices">{t.voices.title}</a>
      </p>
    </Card>
  );
}

function Wake() {
  const now = useCell(snapshot);
  const choices = useRead<Choices>('/api/choices');
  const doing = useDoing();
  const group = useId();
  const modes = choices.data?.wake_modes ?? [];
  return (
    <Card title={s.wakeTitle}>
      <div class="options" role="radiogroup" aria-label={s.wakeTitle}>
        {modes.map((mode) => {
          const chosen = mode === now?.wake_mode;
          return (
            <label key={mode} class={chosen ? 'option chosen' : 'option'}>
              <input
                type="radio"
                name={group}
                checked={chosen}
                disabled={doing.busy}
                onChange={(event) => {
                  event.currentTarget.checked = chosen;
                  void doing.run(() => post('/api/control', { wake_mode: mode }));
                }}
              />
              <span class="grow">
                {s.wakeModes[mode] ?? mode}
                <small class="hint">{s.wakeHints[mode]}</small>
              </span>
            </label>
          );
        })}
      </div>
      {!choices.data && !choices.error && <Loading />}
      <Wrong error={doing.error ?? choices.error} />
    </Card>
  );
}

function More({ household }: { household: Household }) {
  return (
    <Card title={s.moreTitle}>
      <ul class="facts">
        <Optional is={household.mqtt} yes={s.mqtt} no={s.noMqtt} />
        <Optional is={household.llm} yes={s.llm} no={s.noLlm} />
      </ul>
      <p class="hint">
        {s.moreHint} <a href="/settings">{t.nav.settings}</a>.
      </p>
    </Card>
  );
}

function Optional(props: { is: boolean; yes: string; no: string }): ComponentChildren {
  return (
    <li class={props.is ? 'good' : undefined}>
      {props.is ? <GoodIcon /> : <BadIcon />}
      <span>{props.is ? props.yes : props.no}</span>
    </li>
  );
}
