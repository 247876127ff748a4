/** What Pipit does, as one drawing that moves with it. */
import type { Link } from '../daemon';
import { t } from '../strings';
import type { Snapshot } from '../types';
import { MicOffIcon } from './icons';

export function phaseOf(snapshot: Snapshot | null, link: Link): string {
  if (link.state === 'lost') return 'away';
  if (!snapshot) return 'opening';
  // It may still speak with its microphone off.
  if (snapshot.muted && snapshot.phase === 'idle') return 'muted';
  return snapshot.phase;
}

export function Phase({ phase }: { phase: string }) {
  return (
    <div class="phase" data-phase={phase}>
      <svg viewBox="0 0 120 120" class="orb" aria-hidden="true" focusable="false">
        <circle class="halo far" cx="60" cy="60" r="54" />
        <circle class="halo near" cx="60" cy="60" r="44" />
        <circle class="core" cx="60" cy="60" r="33" />
        {phase === 'muted' ? (
          <svg x="44" y="44" width="32" height="32">
            <MicOffIcon />
          </svg>
        ) : (
          <g class="bars">
            <rect x="44" y="50" width="5" height="20" rx="2.5" />
            <rect x="53" y="44" width="5" height="32" rx="2.5" />
            <rect x="62" y="47" width="5" height="26" rx="2.5" />
            <rect x="71" y="52" width="5" height="16" rx="2.5" />
          </g>
        )}
      </svg>
      <div role="status">
        <p class="word">{t.phases[phase] ?? phase}</p>
        <p class="hint">{t.phaseHints[phase]}</p>
      </div>
    </div>
  );
}
