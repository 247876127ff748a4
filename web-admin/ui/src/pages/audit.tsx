import { useEffect, useState } from 'preact/hooks';

import { get } from '../api';
import { Card, Empty, Loading, Title, Wrong } from '../parts/common';
import { t } from '../strings';
import { moment, useDoing } from '../use';

const s = t.audit;

interface Entry {
  id: number;
  at: string;
  who: string | null;
  what: string;
  address: string | null;
}

export function Audit() {
  const [entries, setEntries] = useState<Entry[] | null>(null);
  const [more, setMore] = useState(true);
  const doing = useDoing();
  const read = () =>
    doing.run(async () => {
      const last = entries?.at(-1);
      const page = await get<Entry[]>(last ? `/api/audit?before=${last.id}` : '/api/audit');
      setMore(page.length > 0);
      setEntries([...(entries ?? []), ...page]);
    });
  useEffect(() => void read(), []);
  return (
    <>
      <Title lead={s.lead}>{s.title}</Title>
      <Wrong error={doing.error} again={() => void read()} />
      {!entries && !doing.error && <Loading />}
      {entries?.length === 0 && <Empty>{s.none}</Empty>}
      {entries && entries.length > 0 && (
        <Card>
          <ol class="audit">
            {entries.map((entry) => (
              <li key={entry.id}>
                <strong>{entry.what}</strong>
                <span class="hint">
                  {entry.who && `${entry.who} · `}
                  <time dateTime={entry.at}>{moment(entry.at)}</time>
                  {entry.address && ` · ${entry.address}`}
                </span>
              </li>
            ))}
          </ol>
          {more && (
            <button type="button" class="quiet wide" disabled={doing.busy} onClick={() => void read()}>
              {s.older}
            </button>
          )}
        </Card>
      )}
    </>
  );
}
