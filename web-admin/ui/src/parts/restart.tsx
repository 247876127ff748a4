/** Starts Pipit again, where somebody does that. */
import { post } from '../api';
import { t } from '../strings';
import type { Choices } from '../types';
import { useDoing, useRead } from '../use';
import { Wrong } from './common';

export function Restart() {
  const choices = useRead<Choices>('/api/choices');
  const doing = useDoing();
  if (!choices.data?.restart) return null;
  return (
    <>
      <button
        type="button"
        class="quiet"
        disabled={doing.busy}
        onClick={() => void doing.run(() => post('/api/control', { restart: true }))}
      >
        {t.overview.restart}
      </button>
      <Wrong error={doing.error} />
    </>
  );
}
