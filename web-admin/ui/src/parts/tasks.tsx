/** What takes a while on the device: how far it is, and a way to end it. It goes on when the page is left. */
import { useEffect, useRef, useState } from 'preact/hooks';

import { ask } from '../api';
import { t } from '../strings';
import { bytes, useDoing, useRead } from '../use';
import { Wrong } from './common';
import { CloseIcon } from './icons';

const s = t.tasks;

export interface Task {
  id: number;
  kind: string;
  about: string;
  state: 'running' | 'done' | 'failed' | 'cancelled';
  done: number;
  total: number | null;
  unit: '' | 'bytes' | 'seconds';
  message: string;
  result: unknown;
  can_be_cancelled: boolean;
}

const LOOK_MS = 500;

/** The tasks of these kinds, looked at again while one goes on. `ended` is called with each that ends meanwhile. */
export function useTasks(kinds: string[], ended?: (task: Task) => void) {
  const read = useRead<Task[]>('/api/tasks');
  const tasks = read.data?.filter((task) => kinds.includes(task.kind)) ?? [];
  const goesOn = tasks.some((task) => task.state === 'running');
  // Those that were over when it was looked last. A short one is over before anybody has seen it go on.
  const over = useRef<Set<number> | null>(null);
  useEffect(() => {
    if (!read.data) return;
    const before = over.current;
    const ends = tasks.filter((task) => task.state !== 'running');
    over.current = new Set(ends.map((task) => task.id));
    if (before) ends.filter((task) => !before.has(task.id)).forEach((task) => ended?.(task));
    if (!goesOn) return;
    const timer = setTimeout(read.again, LOOK_MS);
    return () => clearTimeout(timer);
  }, [read.data]);
  return { tasks, error: read.error, again: read.again };
}

/** How far they are. */
export function Tasks({ tasks, again }: { tasks: Task[]; again: () => void }) {
  if (tasks.length === 0) return null;
  return (
    <ul class="tasks" aria-label={s.label}>
      {tasks.map((task) => (
        <One key={task.id} task={task} again={again} />
      ))}
    </ul>
  );
}

function One({ task, again }: { task: Task; again: () => void }) {
  const doing = useDoing();
  const what = [s.kinds[task.kind] ?? task.kind, task.about].filter(Boolean).join(' ');
  const goesOn = task.state === 'running';
  // What is under way may have to come to a point where it can end.
  const [ending, setEnding] = useState(false);
  const end = () =>
    void doing.run(() => ask('DELETE', `/api/tasks/${task.id}`)).then((done) => {
      setEnding(done);
      again();
    });
  const label = goesOn ? s.cancel(what) : s.dismiss(what);
  return (
    <li data-state={task.state}>
      <div class="task-head">
        <strong class="grow">{what}</strong>
        <span class="hint">{goesOn ? (ending ? s.cancelling : reached(task)) : s.states[task.state]}</span>
        {(!goesOn || task.can_be_cancelled) && (
          <button type="button" class="tool" aria-label={label} title={label} disabled={doing.busy || (goesOn && ending)} onClick={end}>
            <CloseIcon />
          </button>
        )}
      </div>
      {goesOn && <progress aria-label={what} value={task.total ? task.done : undefined} max={task.total ?? undefined} />}
      {/* What it does now is for the eye; what came of it is read aloud. */}
      <p class="hint" role={goesOn ? undefined : 'status'}>
        {task.message}
      </p>
      <Wrong error={doing.error} />
    </li>
  );
}

function reached({ done, total, unit }: Task): string | null {
  if (!total) return null;
  const written = (amount: number) => (unit === 'bytes' ? bytes(amount) : amount.toLocaleString(t.code));
  return s.of(written(done), written(total));
}
