// navigator.storage: https://storage.spec.whatwg.org/#api
(function (host, p, engine) {
  'use strict';
  const { Navigator, check } = p.navigator;
  const getters = {
    get storage() {
      check(this);
      if (p.fs === undefined) host.__fs_load();
      return p.fs.storage;
    },
  };
  p.accessor(Navigator.prototype, 'storage', p.ObjectGetOwnPropertyDescriptor(getters, 'storage').get, undefined, true);
})
