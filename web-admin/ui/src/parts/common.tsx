/** Pieces that pages are made of. */
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';

import { t } from '../strings';
import { BadIcon, GoodIcon } from './icons';

/** The heading of a page, which has the focus when the page is opened, so that a screen reader begins there. */
export function Title({ children, lead }: { children: string; lead?: string }) {
  useEffect(() => {
    document.title = `${children} · ${t.pipit}`;
  }, [children]);
  return (
    <header class="title">
      <h1 tabIndex={-1}>{children}</h1>
      {lead && <p class="lead">{lead}</p>}
    </header>
  );
}

export function Card(props: { title?: string; children: ComponentChildren; class?: string; extra?: ComponentChildren }) {
  const id = useId();
  return (
    <section class={`card ${props.class ?? ''}`} aria-labelledby={props.title ? id : undefined}>
      {props.title && (
        <div class="card-head">
          <h2 id={id}>{props.title}</h2>
          {props.extra}
        </div>
      )}
      {props.children}
    </section>
  );
}

/** What went wrong, told at once. Always there, so that screen readers notice when it is filled. */
export function Wrong({ error, again }: { error: string | null; again?: () => void }) {
  return (
    <div role="alert" class={error ? 'wrong' : undefined}>
      {error && (
        <>
          <BadIcon />
          <span>{error}</span>
          {again && (
            <button type="button" class="quiet" onClick={again}>
              {t.tryAgain}
            </button>
          )}
        </>
      )}
    </div>
  );
}

export function Done({ children }: { children: string | null }) {
  return (
    <div role="status" class={children ? 'done' : undefined}>
      {children && (
        <>
          <GoodIcon />
          <span>{children}</span>
        </>
      )}
    </div>
  );
}

interface FieldProps {
  name?: string;
  class?: string;
  inputMode?: 'numeric';
  autocomplete?: 'username' | 'one-time-code' | 'off';
  pattern?: string;
  placeholder?: string;
  required?: boolean;
  maxLength?: number;
  min?: string;
  max?: string;
  label: string;
  hint?: string;
  hideLabel?: boolean;
  type?: 'text' | 'search' | 'number' | 'password';
  value: string;
  onInput: (event: { currentTarget: HTMLInputElement }) => void;
  input?: (element: HTMLInputElement | null) => void;
}

/** A labelled field. `hint` is read with it. */
export function Field(props: FieldProps) {
  const id = useId();
  const { label, hint, hideLabel, type, input: element, ...input } = props;
  return (
    <div class="field">
      <label for={id} class={hideLabel ? 'hidden' : undefined}>
        {label}
      </label>
      <input
        id={id}
        // The types know no input whose type is a variable.
        type={type as 'text'}
        ref={element}
        aria-describedby={hint ? `${id}-hint` : undefined}
        {...input}
      />
      {hint && (
        <small id={`${id}-hint`} class="hint">
          {hint}
        </small>
      )}
    </div>
  );
}

/** A password, which can be made visible. Pasting and password managers work. */
export function Password(props: {
  label: string;
  hint?: string;
  value: string;
  onValue: (value: string) => void;
  autocomplete: 'current-password' | 'new-password';
  name: string;
}) {
  const id = useId();
  const [shown, setShown] = useState(false);
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <input
        id={id}
        name={props.name}
        type={(shown ? 'text' : 'password') as 'text'}
        autocomplete={props.autocomplete}
        required
        minLength={props.autocomplete === 'new-password' ? 8 : undefined}
        value={props.value}
        aria-describedby={props.hint ? `${id}-hint` : undefined}
        onInput={(event) => props.onValue(event.currentTarget.value)}
      />
      {props.hint && (
        <small id={`${id}-hint`} class="hint">
          {props.hint}
        </small>
      )}
      <label class="check">
        <input type="checkbox" checked={shown} onChange={(event) => setShown(event.currentTarget.checked)} />
        {t.signIn.show}
      </label>
    </div>
  );
}

export function Choice(props: {
  label: string;
  value: string;
  options: string[];
  name?: (option: string) => string;
  disabled?: boolean;
  onChoice: (option: string) => void;
}) {
  const id = useId();
  const options = props.options.includes(props.value) ? props.options : [props.value, ...props.options];
  return (
    <div class="choice">
      <label for={id}>{props.label}</label>
      <select
        id={id}
        disabled={props.disabled}
        value={props.value}
        onChange={(event) => {
          const chosen = event.currentTarget.value;
          // What holds is what the daemon tells, not what was asked for.
          event.currentTarget.value = props.value;
          props.onChoice(chosen);
        }}
      >
        {options.map((option) => (
          <option value={option} key={option}>
            {props.name?.(option) ?? option}
          </option>
        ))}
      </select>
    </div>
  );
}

/** Asks before something that cannot be taken back. The browser's own dialog keeps the focus inside and gives it back. */
export function Sure(props: { question: string; yes: string; onAnswer: (sure: boolean) => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onCancel={() => props.onAnswer(false)}>
      <p id={id}>{props.question}</p>
      <div class="row end">
        <button type="button" class="quiet" onClick={() => props.onAnswer(false)}>
          {t.cancel}
        </button>
        <button type="button" class="danger" onClick={() => props.onAnswer(true)}>
          {props.yes}
        </button>
      </div>
    </dialog>
  );
}

/** How far something goes. */
export function Badge({ tier }: { tier: string }) {
  return (
    <span class="badge" data-tier={tier}>
      {tier}
    </span>
  );
}

export function Empty({ children }: { children: string }) {
  return <p class="empty">{children}</p>;
}

export function Loading() {
  return <p class="empty loading">{t.loading}</p>;
}
