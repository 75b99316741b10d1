import { defineConfig, type Plugin } from 'vite';

/** Text is drawn as soon as the page is: its fonts are wanted before the style sheet that names them is read. */
const preloadFonts: Plugin = {
  name: 'preload-fonts',
  transformIndexHtml: (_html, { bundle = {} }) =>
    Object.keys(bundle)
      .filter((file) => file.endsWith('.woff2'))
      .map((file) => ({
        tag: 'link',
        attrs: { rel: 'preload', href: `/${file}`, as: 'font', type: 'font/woff2', crossorigin: true },
        injectTo: 'head-prepend',
      })),
};

export default defineConfig({
  appType: 'mpa', // the development server must not answer an unknown path with a page either
  plugins: [preloadFonts],
  oxc: { jsx: { runtime: 'automatic' } },
  build: {
    manifest: 'assets/manifest.json', // what a page loads first; a test weighs it
    assetsInlineLimit: 0, // the policy of the pages allows no data: URLs
    modulePreload: { polyfill: false },
    rolldownOptions: {
      onwarn: (warning, warn) => {
        // What libraries say to servers; there is none here.
        if (warning.code !== 'MODULE_LEVEL_DIRECTIVE') warn(warning);
      },
      output: {
        codeSplitting: {
          // Libraries change seldom: browsers keep them over many deployments.
          groups: [
            { name: 'libraries', test: /node_modules\/(react|react-dom|scheduler|wouter|@tanstack)\// },
          ],
        },
      },
    },
  },
});
