// FormData: https://xhr.spec.whatwg.org/#interface-formdata
(function (host, p, engine) {
  'use strict';
  const idl = p.use('idl');
  const { need, list, typeError, USVString } = idl;
  const blob = p.use('blob');

  // The list of [name, value], made anew when something is taken out of it. A value is a string or a File.
  const slot = idl.slot();
  const wrap = (all) => {
    const form = { __proto__: FormData.prototype };
    slot.set(form, { __proto__: null, all });
    return form;
  };
  const allOf = (form) => slot.get(form).all;

  // https://xhr.spec.whatwg.org/#create-an-entry
  const entry = (given, name, value, filename, where) => {
    if (given > 2 && !blob.isBlob(value)) throw typeError(where, 'parameter 2 is not of type \'Blob\'.');
    name = USVString(name);
    if (!blob.isBlob(value)) return [name, USVString(value)];
    if (filename !== undefined) filename = USVString(filename);
    if (blob.isFile(value) && filename === undefined) return [name, value];
    return [name, blob.makeFile(value, filename ?? 'blob', blob.lastModifiedOf(value))];
  };

  class FormData {
    constructor(form = undefined) {
      if (form !== undefined) throw typeError('new FormData', 'parameter 1 is not of type \'HTMLFormElement\'.');
      slot.set(this, { __proto__: null, all: list() });
    }
    append(name, value, filename = undefined) {
      const where = 'FormData.append';
      slot.get(this);
      need(arguments.length, 2, where);
      const made = entry(arguments.length, name, value, filename, where);
      const all = allOf(this);
      all[all.length] = made;
    }
    delete(name) {
      slot.get(this);
      need(arguments.length, 1, 'FormData.delete');
      name = USVString(name);
      const state = slot.get(this);
      const kept = list();
      for (let i = 0; i < state.all.length; i++) if (state.all[i][0] !== name) kept[kept.length] = state.all[i];
      state.all = kept;
    }
    get(name) {
      slot.get(this);
      need(arguments.length, 1, 'FormData.get');
      name = USVString(name);
      const all = allOf(this);
      for (let i = 0; i < all.length; i++) if (all[i][0] === name) return all[i][1];
      return null;
    }
    getAll(name) {
      slot.get(this);
      need(arguments.length, 1, 'FormData.getAll');
      name = USVString(name);
      const all = allOf(this);
      const found = list();
      for (let i = 0; i < all.length; i++) if (all[i][0] === name) found[found.length] = all[i][1];
      return idl.array(found);
    }
    has(name) {
      slot.get(this);
      need(arguments.length, 1, 'FormData.has');
      name = USVString(name);
      const all = allOf(this);
      for (let i = 0; i < all.length; i++) if (all[i][0] === name) return true;
      return false;
    }
    set(name, value, filename = undefined) {
      const where = 'FormData.set';
      slot.get(this);
      need(arguments.length, 2, where);
      const made = entry(arguments.length, name, value, filename, where);
      const state = slot.get(this);
      const kept = list();
      let found = false;
      for (let i = 0; i < state.all.length; i++) {
        if (state.all[i][0] !== made[0]) kept[kept.length] = state.all[i];
        else if (!found) {
          kept[kept.length] = made;
          found = true;
        }
      }
      if (!found) kept[kept.length] = made;
      state.all = kept;
    }
  }
  idl.define(FormData);
  idl.iterable(FormData, allOf);

  // https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data: the files' bytes stay
  // where they are.
  const encode = (form) => {
    const all = allOf(form);
    const boundary = host.__FormData_boundary();
    const parts = list();
    for (let i = 0; i < all.length; i++) {
      const name = all[i][0], value = all[i][1];
      if (typeof value === 'string') {
        parts[parts.length] = host.__FormData_head(boundary, name) + host.__FormData_value(value) + '\r\n';
      } else {
        const bytes = blob.bytesOf(value);
        parts[parts.length] = host.__FormData_head(boundary, name, blob.nameOf(value), bytes.type);
        parts[parts.length] = bytes;
        parts[parts.length] = '\r\n';
      }
    }
    parts[parts.length] = '--' + boundary + '--\r\n';
    return { __proto__: null, bytes: blob.create(parts, '', false), type: 'multipart/form-data; boundary=' + boundary };
  };

  // Of a string, bytes, a Blob or a stream of the host: a form, or a promise of one.
  const parse = (mime, source) => {
    const entries = host.__FormData_parse(mime, source);
    return engine.classOf(entries) === 'Promise' ? engine.then(entries, made, undefined) : made(entries);
  };
  // Name, value, and the name of the file if it is one.
  const made = (entries) => {
    const all = list();
    for (let i = 0; i < entries.length; i += 3) {
      const name = entries[i], value = entries[i + 1];
      all[all.length] = [name, typeof value === 'string' ? value : blob.makeFile(value, entries[i + 2], undefined)];
    }
    return wrap(all);
  };

  p.fetch.formData = { __proto__: null, isFormData: slot.has, encode, parse };
  p.fetch.globals.FormData = FormData;
})
