import { useState } from 'preact/hooks';

import { ask, post } from '../api';
import { Card, Empty, Field, Loading, Title, Wrong } from '../parts/common';
import { t } from '../strings';
import { span, useDoing, useNow, useRead } from '../use';

const s = t.timers;

interface Timer {
  id: number;
  name: string | null;
  /** What it was set to. */
  seconds: number;
  /** When it rings, unless it is paused. */
  due: string | null;
  left_seconds: number;
  paused: boolean;
}

interface Alarm {
  id: number;
  time: string;
  date: string | null;
  days: string[];
  next: string | null;
  /** Since when it rings. */
  ringing: string | null;
}

export function Timers() {
  const timers = useRead<Timer[]>('/v1/timers');
  const alarms = useRead<Alarm[]>('/v1/alarms');
  const doing = useDoing();
  const now = useNow();
  const cancel = (timer: Timer) =>
    void doing.run(() => ask('DELETE', `/v1/timers/${timer.id}`)).then(() => timers.again());
  return (
    <>
      <Title>{s.title}</Title>
      <div class="columns">
        <div class="stack">
        <Card title={s.timers}>
          <Wrong error={timers.error ?? doing.error} again={timers.error ? timers.again : undefined} />
          {!timers.data && !timers.error && <Loading />}
          {timers.data?.length === 0 && <Empty>{s.noTimers}</Empty>}
          <ul class="rows">
            {timers.data?.map((timer) => {
              const left = timer.due === null ? timer.left_seconds : (new Date(timer.due).getTime() - now) / 1000;
              return (
                <li key={timer.id}>
                  <span class="grow">
                    <strong>{timer.name ?? s.unnamed}</strong>
                    <span class="hint">
                      {s.of(span(timer.seconds))}
                      {timer.paused && ` · ${s.paused}`}
                    </span>
                  </span>
                  <span class="figure">{left > 0 ? span(left) : s.due}</span>
                  <button
                    type="button"
                    class="quiet"
                    aria-label={s.cancel(timer.name ?? s.unnamed)}
                    onClick={() => cancel(timer)}
                  >
                    {t.cancel}
                  </button>
                </li>
              );
            })}
          </ul>
        </Card>
        <Card title={s.alarms}>
          <Wrong error={alarms.error} again={alarms.again} />
          {!alarms.data && !alarms.error && <Loading />}
          {alarms.data?.length === 0 && <Empty>{s.noAlarms}</Empty>}
          <ul class="rows">
            {alarms.data?.map((alarm) => (
              <li key={alarm.id}>
                <span class="figure">{alarm.time}</span>
                <span class="grow hint">
                  {alarm.days.length > 0 ? alarm.days.map((day) => s.days[day] ?? day).join(', ') : alarm.date}
                  {alarm.ringing ? ` · ${s.rings}` : alarm.next && ` · ${s.next(soon(alarm.next))}`}
                </span>
              </li>
            ))}
          </ul>
        </Card>
        </div>
        <Add onAdded={timers.again} />
      </div>
    </>
  );
}

function soon(at: string): string {
  return new Date(at).toLocaleString('en', { weekday: 'short', hour: '2-digit', minute: '2-digit', hour12: false });
}

function Add({ onAdded }: { onAdded: () => void }) {
  const [name, setName] = useState('');
  const [minutes, setMinutes] = useState('5');
  const [seconds, setSeconds] = useState('0');
  const doing = useDoing();
  return (
    <Card title={s.add}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const whole = Number(minutes) * 60 + Number(seconds);
          void doing.run(() => post('/v1/timers', { seconds: whole, name: name.trim() || null })).then((done) => {
            if (!done) return;
            setName('');
            onAdded();
          });
        }}
      >
        <div class="row">
          <Field
            label={s.minutes}
            type="number"
            inputMode="numeric"
            min="0"
            max="5999"
            required
            value={minutes}
            onInput={(event) => setMinutes(event.currentTarget.value)}
          />
          <Field
            label={s.seconds}
            type="number"
            inputMode="numeric"
            min="0"
            max="59"
            required
            value={seconds}
            onInput={(event) => setSeconds(event.currentTarget.value)}
          />
        </div>
        <Field
          label={s.name}
          placeholder={s.nameHint}
          maxLength={40}
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <Wrong error={doing.error} />
        <button type="submit" class="main" disabled={doing.busy}>
          {s.start}
        </button>
      </form>
    </Card>
  );
}
