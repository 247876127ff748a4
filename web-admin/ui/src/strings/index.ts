import { en, type Strings } from './en';

/** The language of the browser, as far as there is one; English is the only one so far. */
export const t: Strings = en;
