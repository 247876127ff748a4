/** Microphones and speakers, and whether they work. */
import { useEffect, useId } from 'preact/hooks';

import { ask, post, sound } from '../api';
import { snapshot } from '../daemon';
import { Card, Empty, Loading, Title, Wrong } from '../parts/common';
import { MicIcon, SpeakerIcon } from '../parts/icons';
import { hush, play } from '../parts/play';
import { Slider } from '../parts/slider';
import { type Task, Tasks, useTasks } from '../parts/tasks';
import { useCell } from '../store';
import { t } from '../strings';
import { useDoing, useRead } from '../use';

const s = t.audio;

interface Device {
  id: string;
  name: string;
  formats: string;
  chosen: boolean;
}

interface Devices {
  backend: string;
  note: string | null;
  input: string;
  output: string;
  hears: string | null;
  no_echo: string | null;
  problem: string | null;
  microphones: Device[];
  speakers: Device[];
  recorded: boolean;
}

/** The devices and what is being tried with them. */
export function useSound() {
  const devices = useRead<Devices>('/api/audio');
  const read = useTasks(['tone', 'record', 'play', 'echo'], devices.again);
  const again = () => {
    read.again();
    devices.again();
  };
  useEffect(() => hush, []);
  return { devices, tasks: { ...read, again } };
}

export function Audio() {
  const { devices, tasks } = useSound();
  const now = devices.data;
  return (
    <>
      <Title lead={s.lead}>{s.title}</Title>
      <Wrong error={devices.error ?? tasks.error} again={devices.again} />
      {!now && !devices.error && <Loading />}
      {now?.note && <p class="note">{now.note}</p>}
      {now?.problem && <Wrong error={now.problem} />}
      {now && (
        <div class="columns">
          <div class="stack">
            <Microphone devices={now} tasks={tasks} />
            <Echo devices={now} tasks={tasks} />
          </div>
          <Speaker devices={now} tasks={tasks} />
        </div>
      )}
    </>
  );
}

interface Props {
  devices: Devices;
  tasks: ReturnType<typeof useTasks>;
}

const going = (tasks: Task[], kind: string) => tasks.some((task) => task.kind === kind && task.state === 'running');

/** The last of this kind alone: what came of those before says nothing any more. */
const last = (tasks: Task[], kind: string) => tasks.filter((task) => task.kind === kind).slice(0, 1);

const SECONDS = 5;

export function Microphone({ devices, tasks }: Props) {
  const now = useCell(snapshot);
  const doing = useDoing();
  const listening = useDoing();
  const start = (path: string, body?: unknown) => void doing.run(() => post(path, body)).then(tasks.again);
  const recording = going(tasks.tasks, 'record');
  const listen = async () => {
    const wav = await sound('GET', '/api/audio/recording');
    if (wav) await play(wav);
  };
  const forget = () => void doing.run(() => ask('DELETE', '/api/audio/recording')).then(tasks.again);
  return (
    <Card title={s.microphone}>
      <p class="row">
        <MicIcon />
        <span class="grow">{now?.microphone ? t.overview.hears(now.microphone) : now?.muted ? s.muted : s.silent}</span>
      </p>
      <p class="hint">{s.recordHint(SECONDS)}</p>
      <div class="row">
        <button
          type="button"
          disabled={doing.busy || recording || now?.muted}
          onClick={() => start('/api/audio/recording', { seconds: SECONDS })}
        >
          {recording ? s.recording : s.record(SECONDS)}
        </button>
      </div>
      <Tasks tasks={last(tasks.tasks, 'record')} again={tasks.again} />
      {devices.recorded && !recording && (
        <div class="row">
          <button type="button" class="quiet" disabled={listening.busy} onClick={() => void listening.run(listen)}>
            {listening.busy ? s.playing : s.listen}
          </button>
          <button type="button" class="quiet" disabled={going(tasks.tasks, 'play')} onClick={() => start('/api/audio/recording/play')}>
            {s.play}
          </button>
          <button type="button" class="quiet" onClick={forget}>
            {s.forget}
          </button>
        </div>
      )}
      <Tasks tasks={last(tasks.tasks, 'play')} again={tasks.again} />
      <Wrong error={doing.error ?? listening.error} />
      <List devices={devices.microphones} label={s.microphones} chosen={devices.input} />
    </Card>
  );
}

export function Speaker({ devices, tasks }: Props) {
  const now = useCell(snapshot);
  const id = useId();
  const doing = useDoing();
  const loudness = useDoing();
  return (
    <Card title={s.speaker}>
      <div class="volume flush">
        <SpeakerIcon />
        <label for={id}>{t.overview.volume}</label>
        <Slider id={id} value={now?.volume ?? 0} set={(volume) => loudness.run(() => post('/api/control', { volume }))} />
      </div>
      <Wrong error={loudness.error} />
      <div class="row">
        <button
          type="button"
          disabled={doing.busy || going(tasks.tasks, 'tone')}
          onClick={() => void doing.run(() => post('/api/audio/tone')).then(tasks.again)}
        >
          {s.tone}
        </button>
      </div>
      <Tasks tasks={last(tasks.tasks, 'tone')} again={tasks.again} />
      <Wrong error={doing.error} />
      <List devices={devices.speakers} label={s.speakers} chosen={devices.output} />
    </Card>
  );
}

interface Found {
  delay_ms: number | null;
  removed_db: number;
  noise_floor_db: number;
  works: boolean;
}

function Echo({ devices, tasks }: Props) {
  const doing = useDoing();
  const measured = last(tasks.tasks, 'echo');
  const found = measured[0]?.state === 'done' ? (measured[0].result as Found | null) : null;
  const decibels = (amount: number) => t.live.decibels(amount);
  return (
    <Card title={s.echo}>
      <p class="hint">{s.echoHint}</p>
      {devices.no_echo ? (
        <p class="note">{s.noEcho}</p>
      ) : (
        <div class="row">
          <button
            type="button"
            disabled={doing.busy || going(tasks.tasks, 'echo')}
            onClick={() => void doing.run(() => post('/api/audio/echo')).then(tasks.again)}
          >
            {s.measure}
          </button>
        </div>
      )}
      <Tasks tasks={measured} again={tasks.again} />
      {found && (
        <dl class="counters">
          <div>
            <dt>{s.delay}</dt>
            <dd>{found.delay_ms === null ? s.none : t.live.ms(Math.round(found.delay_ms))}</dd>
          </div>
          <div>
            <dt>{s.removed}</dt>
            <dd>{decibels(found.removed_db)}</dd>
          </div>
          <div>
            <dt>{s.noise}</dt>
            <dd>{decibels(found.noise_floor_db)}</dd>
          </div>
        </dl>
      )}
      <Wrong error={doing.error} />
    </Card>
  );
}

function List({ devices, label, chosen }: { devices: Device[]; label: string; chosen: string }) {
  if (chosen === '' && devices.length === 0) return null;
  return (
    <details>
      <summary>{label}</summary>
      <p class="hint">{s.configured(chosen)}</p>
      {devices.length === 0 && <Empty>{s.noDevices}</Empty>}
      <ul class="rows">
        {devices.map((device) => (
          <li key={device.id}>
            <span class="grow">
              <strong>
                {device.name} {device.chosen && <span class="badge good">{s.chosen}</span>}
              </strong>
              <span class="hint">{[device.id, device.formats].filter(Boolean).join(' · ')}</span>
            </span>
          </li>
        ))}
      </ul>
    </details>
  );
}
