/** Chooses who answers in a conversation. */
import { t } from '../strings';
import { useRead } from '../use';
import { Choice } from './common';

const s = t.personas;

export interface Persona {
  name: string;
  built_in: boolean;
  title: string;
  prompt: string;
  greeting: string | null;
  tools: string[] | null;
  topic: { subject: string[]; elsewhere: string[]; small_talk: string[]; refusal: string } | null;
}

export interface Personas {
  personas: Persona[];
  speaks: string | null;
  /** Whether there is a language model that can be one of them. */
  model: boolean;
}

export function PersonaChoice(props: { value: string | null; disabled?: boolean; onChoice: (persona: string | null) => void }) {
  const read = useRead<Personas>('/api/personas');
  if (!read.data?.model) return null;
  const { personas, speaks } = read.data;
  const titleOf = (name: string) => personas.find((one) => one.name === name)?.title ?? name;
  return (
    <Choice
      label={s.answers}
      value={props.value ?? ''}
      options={['', ...personas.map((one) => one.name)]}
      name={(name) => (name ? titleOf(name) : speaks ? s.usual(titleOf(speaks)) : s.configured)}
      disabled={props.disabled}
      onChoice={(name) => props.onChoice(name || null)}
    />
  );
}
