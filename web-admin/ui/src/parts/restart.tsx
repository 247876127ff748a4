/** Starts Pipit again, where somebody does that, once that is confirmed. */
import { useState } from 'preact/hooks';

import { post } from '../api';
import { t } from '../strings';
import type { Choices } from '../types';
import { useDoing, useRead } from '../use';
import { Done, Sure, Wrong } from './common';

const s = t.restart;

export function Restart({ main = false }: { main?: boolean }) {
  const choices = useRead<Choices>('/api/choices');
  const doing = useDoing();
  const [asking, setAsking] = useState(false);
  const [restarting, setRestarting] = useState(false);
  if (!choices.data?.restart) return null;
  return (
    <>
      <button type="button" class={main ? 'main' : 'quiet'} disabled={doing.busy} onClick={() => setAsking(true)}>
        {s.restart}
      </button>
      <Done>{restarting ? s.restarting : null}</Done>
      <Wrong error={doing.error} />
      {asking && (
        <Sure
          question={s.sure}
          yes={s.yes}
          onAnswer={(sure) => {
            setAsking(false);
            if (sure) void doing.run(() => post('/api/control', { restart: true })).then(setRestarting);
          }}
        />
      )}
    </>
  );
}
