/** Who can speak: what they sound like, which of them does, and how fast. */
import { useEffect, useId, useState } from 'preact/hooks';

import { ask, post, sound } from '../api';
import { snapshot } from '../daemon';
import { Card, Field, Loading, Title, Wrong } from '../parts/common';
import { PlayIcon } from '../parts/icons';
import { hush, play } from '../parts/play';
import { Restart } from '../parts/restart';
import { Slider } from '../parts/slider';
import { useCell } from '../store';
import { t } from '../strings';
import { bytes, type Doing, useDoing, useRead } from '../use';
import { speed } from './models';

const s = t.voices;

interface Voice {
  name: string;
  engine: string;
  own_name: string;
  tier: string;
  model: string | null;
  bytes: number | null;
  factor: number | null;
  measured: boolean;
  at_work: boolean;
  has_speed: boolean;
}

interface List {
  voices: Voice[];
  waiting: string[];
  speed: number;
}

/** More than these are looked for rather than at. */
const MANY = 12;

export function Voices() {
  const list = useRead<List>('/api/voices');
  const now = useCell(snapshot);
  const [text, setText] = useState(s.sample);
  const [wanted, setWanted] = useState('');
  const voices = list.data?.voices ?? [];
  const found = voices.filter((voice) => voice.name.toLowerCase().includes(wanted.trim().toLowerCase()));
  const engines = [...new Set(found.map((voice) => voice.engine))];
  useEffect(() => hush, []);
  return (
    <>
      <Title lead={s.lead}>{s.title}</Title>
      <Wrong error={list.error} again={list.again} />
      {!list.data && !list.error && <Loading />}
      {list.data && (
        <>
          <div class="columns">
            <Card title={s.say}>
              <Field
                label={s.text}
                hint={s.textHint}
                maxLength={300}
                value={text}
                onInput={(event) => setText(event.currentTarget.value)}
              />
            </Card>
            <Speed list={list.data} set={list.set} speaking={now?.voice ?? null} />
          </div>
          {list.data.waiting.length > 0 && (
            <Card>
              <p>{s.waiting(list.data.waiting.length)}</p>
              <Restart />
            </Card>
          )}
          {voices.length > MANY && (
            <Field
              label={s.find}
              hideLabel
              type="search"
              placeholder={s.find}
              value={wanted}
              onInput={(event) => setWanted(event.currentTarget.value)}
            />
          )}
          {engines.map((engine) => (
            <Engine
              key={engine}
              engine={engine}
              voices={found.filter((voice) => voice.engine === engine)}
              speaking={now?.voice ?? null}
              text={text}
            />
          ))}
        </>
      )}
    </>
  );
}

function Speed({ list, set, speaking }: { list: List; set: (list: List) => void; speaking: string | null }) {
  const id = useId();
  const doing = useDoing();
  const has = list.voices.find((voice) => voice.name === speaking)?.has_speed ?? true;
  const change = async (speed: number) => {
    const done = await doing.run(() => ask('PUT', '/api/voices/speed', { speed }));
    if (done) set({ ...list, speed });
    return done;
  };
  return (
    <Card title={s.speed}>
      <div class="volume flush">
        <label for={id}>{s.pace}</label>
        <Slider id={id} value={list.speed} min={0.5} max={2} step={0.05} disabled={!has} set={change} name={(x) => s.times(x.toFixed(2))} />
      </div>
      <p class="hint">{has ? s.speedHint : s.noSpeed}</p>
      <Wrong error={doing.error} />
    </Card>
  );
}

function Engine(props: { engine: string; voices: Voice[]; speaking: string | null; text: string }) {
  const [first] = props.voices;
  const facts = first && [first.bytes !== null && bytes(first.bytes), speed(first)].filter(Boolean).join(' · ');
  // Of what is tried, one speaks after the other.
  const trying = useDoing();
  return (
    <Card title={s.engines[props.engine] ?? props.engine}>
      {first && <p class="hint">{[s.engineHints[props.engine], facts].filter(Boolean).join(' ')}</p>}
      <ul class="rows wide">
        {props.voices.map((voice) => (
          <Row key={voice.name} voice={voice} speaking={props.speaking} text={props.text} trying={trying} />
        ))}
      </ul>
    </Card>
  );
}

function Row(props: { voice: Voice; speaking: string | null; text: string; trying: Doing }) {
  const { voice, trying } = props;
  const [doing, setDoing] = useState<'loading' | 'here' | 'device' | null>(null);
  const [error, setError] = useState(false);
  const [heard, setHeard] = useState(false);
  const choosing = useDoing();
  const speaks = props.speaking === voice.name;
  const name = voice.own_name || voice.name;
  const preview = async (on_device: boolean) => {
    setHeard(false);
    setDoing(on_device ? 'device' : 'loading');
    const done = await trying.run(async () => {
      const wav = await sound('POST', '/api/voices/preview', { voice: voice.name, text: props.text, on_device });
      if (wav === null) return;
      setDoing('here');
      await play(wav);
    });
    setDoing(null);
    setError(!done);
    setHeard(done);
  };
  const busy = trying.busy || props.text.trim() === '';
  return (
    <li>
      <div class="grow">
        <strong>
          {name} {speaks && <span class="badge good">{s.speaks}</span>}
          {voice.tier !== 'on this device' && <span class="badge warm">{t.overview.tiers[voice.tier] ?? voice.tier}</span>}
        </strong>
      </div>
      <div class="tools end">
        <button type="button" class="quiet" disabled={busy} aria-label={s.listenLabel(name)} onClick={() => void preview(false)}>
          <PlayIcon /> {doing === 'loading' ? s.preparing : doing === 'here' ? s.playing : s.listen}
        </button>
        <button type="button" class="quiet" disabled={busy} aria-label={s.deviceLabel(name)} onClick={() => void preview(true)}>
          {doing === 'device' ? s.preparing : s.device}
        </button>
        {!speaks && (
          <button
            type="button"
            disabled={choosing.busy}
            aria-label={s.chooseLabel(name)}
            onClick={() => void choosing.run(() => post('/api/control', { voice: voice.name }))}
          >
            {s.choose}
          </button>
        )}
      </div>
      <div class="below">
        <Wrong error={choosing.error ?? (error ? trying.error : null)} />
        <span class="hidden" role="status">
          {heard ? s.over : ''}
        </span>
      </div>
    </li>
  );
}
