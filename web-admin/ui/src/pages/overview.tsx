/** How Pipit is, and what can be changed about it. */
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';

import { post } from '../api';
import { link, newestTurn, snapshot } from '../daemon';
import { Card, Choice, Done, Empty, Field, Loading, Title, Wrong } from '../parts/common';
import { BadIcon, GoodIcon, MicIcon, MicOffIcon, SpeakerIcon, StopIcon } from '../parts/icons';
import { Phase, phaseOf } from '../parts/phase';
import { Restart } from '../parts/restart';
import { Slider } from '../parts/slider';
import { outcome, Waterfall } from '../parts/waterfall';
import { session } from '../session';
import { useCell } from '../store';
import { t } from '../strings';
import type { Choices, Snapshot, Turn } from '../types';
import { type Doing, useDoing, useRead } from '../use';

const s = t.overview;

export function Overview() {
  const now = useCell(snapshot);
  const phase = phaseOf(now, useCell(link));
  const controlling = useDoing();
  const role = useCell(session)?.person?.role;
  const owner = role === 'owner';
  const resident = owner || role === 'member';
  return (
    <>
      <Title>{s.title}</Title>
      <Card class="state">
        <Phase phase={phase} />
        {now ? <Quick now={now} doing={controlling} owner={owner} /> : <Loading />}
        <Wrong error={controlling.error} />
      </Card>
      {owner && <Unfinished />}
      {now && (
        <div class="columns">
          <div class="stack">
            <Tier ledger now={now} owner={owner} />
            <Engines now={now} owner={owner} />
            <Announce />
          </div>
          <div class="stack">
            {resident && <Face now={now} phase={phase} />}
            <Health now={now} owner={owner} />
            <Last />
          </div>
        </div>
      )}
    </>
  );
}

/** Where the owner goes on with what they have begun after the claim. */
function Unfinished() {
  const welcome = useRead<{ step: string }>('/api/welcome');
  if (!welcome.data || welcome.data.step === 'done') return null;
  return (
    <Card title={t.welcome.unfinished} extra={<a href={`/welcome/${welcome.data.step}`}>{t.welcome.goOn}</a>}>
      <p class="hint">{t.welcome.lead}</p>
    </Card>
  );
}

const control = (what: Record<string, unknown>) => post('/api/control', what);

function Quick({ now, doing, owner }: { now: Snapshot; doing: Doing; owner: boolean }) {
  const id = useId();
  const loudness = useDoing();
  return (
    <div class="quick">
      <button
        type="button"
        role="switch"
        class="switch"
        aria-checked={!now.muted}
        disabled={!owner || doing.busy}
        onClick={() => void doing.run(() => control({ mute: !now.muted }))}
      >
        {now.muted ? <MicOffIcon /> : <MicIcon />}
        <span>{s.microphone}</span>
        <span class="track" aria-hidden="true">
          <span class="thumb" />
        </span>
        <span class="said" aria-hidden="true">
          {now.muted ? s.off : s.on}
        </span>
      </button>
      <div class="volume">
        <SpeakerIcon />
        <label for={id}>{s.volume}</label>
        <Slider id={id} value={now.volume} set={(volume) => loudness.run(() => control({ volume }))} />
      </div>
      <Wrong error={loudness.error} />
      {now.phase === 'speaking' && (
        <button type="button" class="quiet" title={s.stopHint} onClick={() => void doing.run(() => control({ stop: true }))}>
          <StopIcon /> {s.stop}
        </button>
      )}
    </div>
  );
}

export function Tier({ now, owner, ledger }: { now: Snapshot; owner: boolean; ledger?: boolean }) {
  const choices = useRead<Choices>('/api/choices');
  const doing = useDoing();
  const group = useId();
  const tiers = choices.data?.tiers ?? [];
  const all = Object.keys(s.tiers);
  const meaning = s.tierMeanings[now.widest_tier];
  return (
    <Card title={s.privacy} extra={ledger && <a href="/privacy">{s.ledger}</a>}>
      <div class="options" role="radiogroup" aria-label={s.privacy}>
        {all.map((tier) => {
          const chosen = tier === now.widest_tier;
          const possible = owner && (chosen || tiers.includes(tier));
          return (
            <label key={tier} class={chosen ? 'option chosen' : 'option'} data-tier={tier}>
              <input
                type="radio"
                name={group}
                checked={chosen}
                disabled={!possible || doing.busy}
                onChange={(event) => {
                  event.currentTarget.checked = chosen;
                  void doing.run(() => control({ tier }));
                }}
              />
              <span>{s.tiers[tier]}</span>
            </label>
          );
        })}
      </div>
      {meaning && <p class="hint">{meaning}</p>}
      {owner && choices.data && tiers.length < all.length && <p class="hint">{s.tierLimit}</p>}
      <Wrong error={doing.error ?? choices.error} />
    </Card>
  );
}

function Engines({ now, owner }: { now: Snapshot; owner: boolean }) {
  const choices = useRead<Choices>('/api/choices');
  const doing = useDoing();
  const { wake_modes = [], voices = [], models = [] } = choices.data ?? {};
  const disabled = !owner || doing.busy || !choices.data;
  return (
    <Card title={s.hearing}>
      <Choice
        label={s.wake}
        value={now.wake_mode}
        options={wake_modes}
        name={(mode) => s.wakeModes[mode] ?? mode}
        disabled={disabled}
        onChoice={(wake_mode) => void doing.run(() => control({ wake_mode }))}
      />
      <Choice
        label={s.voice}
        value={now.voice ?? s.none}
        options={voices}
        disabled={disabled}
        onChoice={(voice) => void doing.run(() => control({ voice }))}
      />
      <Choice
        label={s.model}
        value={now.recogniser ?? s.none}
        options={models}
        disabled={disabled}
        onChoice={(model) => void doing.run(() => control({ model }))}
      />
      <Wrong error={doing.error ?? choices.error} />
    </Card>
  );
}

function Health({ now, owner }: { now: Snapshot; owner: boolean }) {
  const lost = now.sound_dropped_ms > 0 || now.sound_overruns > 0;
  const well = now.microphone !== null && !lost && !now.overload && now.troubles.length === 0;
  return (
    <Card title={s.health}>
      <ul class="facts">
        <Fact good={now.microphone !== null}>{now.microphone === null ? s.deaf : s.hears(now.microphone)}</Fact>
        <Fact good={!lost}>{lost ? s.lost(now.sound_dropped_ms, now.sound_overruns) : s.notLost}</Fact>
        <Fact good={!now.overload}>{now.overload ?? s.keepsUp}</Fact>
        {now.troubles.map((trouble) => (
          <Fact good={false} key={trouble}>
            {trouble.charAt(0).toUpperCase() + trouble.slice(1)}
          </Fact>
        ))}
        {now.assist && <Fact good>{s.assist}</Fact>}
      </ul>
      <p class="hint">
        {well ? s.well : s.unwell} {s.counts(now.turns)}.
      </p>
      {owner && <Restart />}
    </Card>
  );
}

/** What a display shows, or would show, drawn anew at most once a second and only while somebody looks. */
function Face({ now, phase }: { now: Snapshot; phase: string }) {
  const [drawn, draw] = useState(() => Date.now());
  useEffect(() => {
    const anew = () => {
      if (!document.hidden) draw(Date.now());
    };
    const soon = setTimeout(anew, 1000);
    // The clock goes on while nothing happens.
    const minutes = setInterval(anew, 60_000);
    document.addEventListener('visibilitychange', anew);
    return () => {
      clearTimeout(soon);
      clearInterval(minutes);
      document.removeEventListener('visibilitychange', anew);
    };
  }, [now]);
  return (
    <Card title={s.face}>
      <img class="face" src={`/api/display.png?${drawn}`} alt={s.faceNow(t.phases[phase] ?? phase)} />
      <p class="hint">{s.faceHint}</p>
    </Card>
  );
}

function Fact({ good, children }: { good: boolean; children: ComponentChildren }) {
  return (
    <li class={good ? 'good' : 'bad'}>
      {good ? <GoodIcon /> : <BadIcon />}
      <span>{children}</span>
    </li>
  );
}

function Announce() {
  const [text, setText] = useState('');
  const [said, setSaid] = useState(false);
  const doing = useDoing();
  const field = useRef<HTMLFormElement>(null);
  return (
    <Card title={s.announce}>
      <form
        ref={field}
        class="inline"
        onSubmit={(event) => {
          event.preventDefault();
          setSaid(false);
          void doing.run(() => control({ announce: text })).then((done) => {
            setSaid(done);
            if (done) setText('');
          });
        }}
      >
        <Field
          label={s.announce}
          hideLabel
          placeholder={s.announceHint}
          maxLength={255}
          required
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button type="submit" disabled={doing.busy}>
          {s.announceSend}
        </button>
      </form>
      <Done>{said ? s.announced : null}</Done>
      <Wrong error={doing.error} />
    </Card>
  );
}

function Last() {
  const kept = useRead<Turn[]>('/turns?limit=1');
  const newest = useCell(newestTurn);
  const turn = newest ?? kept.data?.[0] ?? null;
  return (
    <Card title={s.lastTurn} extra={<a href="/timeline">{s.timeline}</a>}>
      {turn ? (
        <>
          <Waterfall turn={turn} />
          <p class="hint">{t.timeline.endedBy[outcome(turn)] ?? outcome(turn)}</p>
        </>
      ) : (
        !kept.error && <Empty>{s.noTurn}</Empty>
      )}
      <Wrong error={turn ? null : kept.error} />
    </Card>
  );
}
