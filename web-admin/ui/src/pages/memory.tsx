import { useState } from 'preact/hooks';

import { ask, post } from '../api';
import { Card, Empty, Field, Loading, Title, Wrong } from '../parts/common';
import { TrashIcon } from '../parts/icons';
import { t } from '../strings';
import { useDoing, useRead } from '../use';

const s = t.memory;

interface Fact {
  id: number;
  text: string;
}

export function Memory() {
  const facts = useRead<Fact[]>('/v1/memory');
  const [text, setText] = useState('');
  const doing = useDoing();
  const forget = (fact: Fact) => void doing.run(() => ask('DELETE', `/v1/memory/${fact.id}`)).then(() => facts.again());
  return (
    <>
      <Title lead={s.lead}>{s.title}</Title>
      <Card>
        <form
          class="inline"
          onSubmit={(event) => {
            event.preventDefault();
            void doing.run(() => post('/v1/memory', { text: text.trim() })).then((done) => {
              if (done) setText('');
              facts.again();
            });
          }}
        >
          <Field
            label={s.add}
            placeholder={s.addHint}
            required
            maxLength={500}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
          <button type="submit" class="main" disabled={doing.busy}>
            {s.submit}
          </button>
        </form>
        <Wrong error={doing.error ?? facts.error} again={facts.error ? facts.again : undefined} />
        {!facts.data && !facts.error && <Loading />}
        {facts.data?.length === 0 && <Empty>{s.none}</Empty>}
        <ul class="rows">
          {facts.data?.map((fact) => (
            <li key={fact.id}>
              <span class="grow">{fact.text}</span>
              <button
                type="button"
                class="tool"
                aria-label={s.forget(fact.text)}
                title={s.forget(fact.text)}
                disabled={doing.busy}
                onClick={() => forget(fact)}
              >
                <TrashIcon />
              </button>
            </li>
          ))}
        </ul>
      </Card>
    </>
  );
}
