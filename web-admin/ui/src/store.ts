/** A value that parts of the page look at, and that changes under them. */
import { useEffect, useState } from 'preact/hooks';

export class Cell<T> {
  private watchers = new Set<(value: T) => void>();

  constructor(private held: T) {}

  get value(): T {
    return this.held;
  }

  set value(value: T) {
    if (Object.is(value, this.held)) return;
    this.held = value;
    for (const watcher of [...this.watchers]) watcher(value);
  }

  watch(watcher: (value: T) => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }
}

/** What the cell holds; the component is drawn anew when that changes. */
export function useCell<T>(cell: Cell<T>): T {
  const [value, set] = useState(cell.value);
  useEffect(() => {
    // It may have changed between the first drawing and now.
    set(() => cell.value);
    return cell.watch((value) => set(() => value));
  }, [cell]);
  return value;
}
