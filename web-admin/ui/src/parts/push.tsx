/** The button that is held to speak, or tapped before and after, and what Pipit does meanwhile. */
import { useEffect, useRef, useState } from 'preact/hooks';

import { useCell } from '../store';
import { t } from '../strings';
import { hush, obstacle, phase, press, release, status } from '../voice/voice';
import { MicIcon, StopIcon } from './icons';

const s = t.voice;
/** Who lets go sooner has tapped. */
const TAP_MS = 350;
/** What is done where somebody has finished, however long they hold or wait. */
const DECIDED = ['thinking', 'speaking'];

/** Whether somebody has tapped, rather than holds. */
const tapped = { current: false };

export function Push() {
  const now = useCell(status);
  const doing = useCell(phase);
  const since = useRef(0);
  // A click that no pointer and no key led to comes from assistive technology.
  const handled = useRef(false);
  const [why] = useState(obstacle);
  const open = now === 'listening' || now === 'opening';

  useEffect(() => {
    // Whoever tapped need not tap again: what they wanted is clear.
    if (tapped.current && now === 'listening' && DECIDED.includes(doing)) end();
  }, [doing]);

  useEffect(() => {
    // What was lost meanwhile begins anew with the next tap.
    if (now === 'off') tapped.current = false;
  }, [now]);

  const end = () => {
    tapped.current = false;
    release();
  };
  const down = () => {
    if (tapped.current) return end();
    since.current = performance.now();
    press();
  };
  const up = () => {
    if (since.current === 0) return;
    const held = performance.now() - since.current;
    since.current = 0;
    if (held < TAP_MS) tapped.current = true;
    else end();
  };
  const isKey = (event: KeyboardEvent) => event.key === ' ' || event.key === 'Enter';

  return (
    <button
      type="button"
      class="round push"
      aria-label={s.hold}
      title={s.hold}
      aria-pressed={open}
      aria-disabled={why !== null}
      aria-describedby={why === null ? undefined : 'push-obstacle'}
      onPointerDown={(event) => {
        if (why !== null || event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        handled.current = true;
        down();
      }}
      onPointerUp={up}
      onPointerCancel={up}
      onKeyDown={(event) => {
        if (!isKey(event) || why !== null) return;
        event.preventDefault();
        if (!event.repeat) down();
      }}
      onKeyUp={(event) => {
        if (!isKey(event)) return;
        event.preventDefault();
        up();
      }}
      onBlur={up}
      onContextMenu={(event) => event.preventDefault()}
      onClick={() => {
        if (handled.current || why !== null) return void (handled.current = false);
        if (tapped.current) return end();
        tapped.current = true;
        press();
      }}
    >
      <MicIcon />
    </button>
  );
}

/** What Pipit does at this place, in words; and why nobody can speak here, where nobody can. */
export function Speaking() {
  const now = useCell(status);
  const doing = useCell(phase);
  const [why] = useState(obstacle);
  if (why !== null) {
    return (
      <p class="hint obstacle" id="push-obstacle">
        {why} {!window.isSecureContext && <a href="/authority.crt" download>{s.certificate}</a>}
      </p>
    );
  }
  const listens = now === 'listening';
  const words = now === 'opening' ? s.opening : listens && doing === 'idle' ? s.phases['listening'] : s.phases[doing];
  const hint = listens ? (tapped.current ? s.tappedHint : s.heldHint) : null;
  return (
    <div class="speaking" data-phase={listens && doing === 'idle' ? 'listening' : doing}>
      <div role="status">
        {now !== 'off' && words && (
          <span class="chip">
            <span class="dot" aria-hidden="true" />
            {words}
          </span>
        )}
        {now !== 'off' && hint && <span class="hint">{hint}</span>}
      </div>
      {now !== 'off' && doing === 'speaking' && (
        <button type="button" class="tool" onClick={hush}>
          <StopIcon />
          {s.stop}
        </button>
      )}
    </div>
  );
}
