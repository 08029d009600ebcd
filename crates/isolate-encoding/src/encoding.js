// atob and btoa: https://html.spec.whatwg.org/multipage/webappapis.html#atob
(function (host, p) {
  'use strict';
  const { need } = p.use('idl');
  const { ToString } = p;
  const functions = {
    btoa(data) {
      need(arguments.length, 1, 'btoa');
      return host.__encoding_btoa(ToString(data));
    },
    atob(data) {
      need(arguments.length, 1, 'atob');
      return host.__encoding_atob(ToString(data));
    },
  };
  p.loaded = { __proto__: null, atob: functions.atob, btoa: functions.btoa };
})
