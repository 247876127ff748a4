import { render } from 'preact';

import { App } from './app';
import { followLinks } from './router';
import './style.css';
import { keepApplied } from './theme';

keepApplied();
followLinks();
const root = document.getElementById('app');
if (root) render(<App />, root);
