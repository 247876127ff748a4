/** Dark or light: as the system has it, unless somebody has chosen here. */
import { Cell } from './store';

export type Theme = 'system' | 'light' | 'dark';
export const THEMES: Theme[] = ['system', 'light', 'dark'];

const KEY = 'pipit-theme';
const dark = matchMedia('(prefers-color-scheme: dark)');

export const theme = new Cell<Theme>(kept());

export function choose(chosen: Theme) {
  theme.value = chosen;
  try {
    localStorage.setItem(KEY, chosen);
  } catch {
    // A private window may keep nothing; it holds until it is closed.
  }
}

export function apply() {
  const now = theme.value === 'system' ? (dark.matches ? 'dark' : 'light') : theme.value;
  document.documentElement.dataset.theme = now;
  const background = now === 'dark' ? '#14171a' : '#f6f4ef';
  document.querySelector('meta[name=theme-color]')?.setAttribute('content', background);
}

export function keepApplied() {
  apply();
  dark.addEventListener('change', apply);
  theme.watch(apply);
}

function kept(): Theme {
  try {
    const found = localStorage.getItem(KEY) as Theme | null;
    return found && THEMES.includes(found) ? found : 'system';
  } catch {
    return 'system';
  }
}
