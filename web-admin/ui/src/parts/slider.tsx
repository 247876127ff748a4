/** A slider that shows what holds, and while it is moved, where to. */
import { useEffect, useRef, useState } from 'preact/hooks';

export function Slider(props: {
  id: string;
  value: number;
  set: (value: number) => Promise<boolean>;
  min?: number;
  max?: number;
  step?: number;
  disabled?: boolean;
  name?: (value: number) => string;
}) {
  const [moved, setMoved] = useState<number | null>(null);
  const wanted = useRef<number | null>(null);
  const sending = useRef(false);
  useEffect(() => {
    if (!sending.current) setMoved(null);
  }, [props.value]);
  // Whoever holds an arrow key down wants the last of many values, and none of them out of turn.
  const send = async () => {
    if (sending.current) return;
    sending.current = true;
    while (wanted.current !== null) {
      const next = wanted.current;
      wanted.current = null;
      if (!(await props.set(next))) setMoved(null);
    }
    sending.current = false;
  };
  const shown = moved ?? props.value;
  const named = props.name?.(shown) ?? `${shown} %`;
  return (
    <>
      <input
        id={props.id}
        type="range"
        min={String(props.min ?? 0)}
        max={String(props.max ?? 100)}
        step={String(props.step ?? 1)}
        disabled={props.disabled}
        value={shown}
        aria-valuetext={named}
        onInput={(event) => setMoved(Number(event.currentTarget.value))}
        onChange={(event) => {
          wanted.current = Number(event.currentTarget.value);
          void send();
        }}
      />
      <output for={props.id}>{named}</output>
    </>
  );
}
