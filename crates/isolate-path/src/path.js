// Node's path module: https://nodejs.org/docs/latest-v20.x/api/path.html
//
// Both flavours are made by one function. Text is looked at by index, and only where it has one: an index that is not
// there would be looked up on a prototype of the guest's.
(function (host, p, engine) {
  'use strict';
  const { call, ToString } = p;
  const idl = p.use('idl');
  const { list } = idl;

  const slice = (s, from, to) => (to === undefined
    ? call(p.StringPrototypeSlice, s, from) : call(p.StringPrototypeSlice, s, from, to));
  const lower = (s) => call(p.StringPrototypeToLowerCase, s);
  const isLetter = (c) => (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

  // As Node's errors tell what they got.
  const received = (value) => {
    if (value === undefined || value === null) return 'Received ' + value;
    const type = typeof value;
    if (type === 'function') return 'Received function ' + ToString(value.name);
    if (type === 'object') {
      const { constructor } = value;
      // Asked for by name, a name that is not there would be `undefined`.
      if (constructor && 'name' in p.Object(constructor)) return 'Received an instance of ' + ToString(constructor.name);
      const { inspect } = host.__inspect();
      return 'Received ' + inspect(value, { __proto__: null, depth: -1 });
    }
    let text;
    if (type === 'symbol') text = call(p.SymbolPrototypeToString, value);
    else if (type === 'bigint') text = ToString(value) + 'n';
    else if (type === 'number' && value === 0 && 1 / value < 0) text = '-0';
    else if (type === 'string') {
      const start = value.length > 28 ? slice(value, 0, 25) + '...' : value;
      text = call(p.StringPrototypeIndexOf, start, '\'') < 0 ? '\'' + start + '\'' : p.JSONStringify(start);
    } else text = ToString(value);
    return 'Received type ' + type + ' (' + text + ')';
  };
  const invalid = (name, type, value) => {
    const kind = call(p.StringPrototypeIndexOf, name, '.') < 0 ? 'argument' : 'property';
    const error = new p.TypeError(
      'The "' + name + '" ' + kind + ' must be of type ' + type + '. ' + received(value));
    p.ObjectDefineProperty(error, 'code',
      { __proto__: null, value: 'ERR_INVALID_ARG_TYPE', writable: true, enumerable: true, configurable: true });
    return error;
  };
  const needString = (value, name) => {
    if (typeof value !== 'string') throw invalid(name, 'string', value);
  };

  const times = (text, n) => {
    let out = '';
    for (let i = 0; i < n; i++) out += text;
    return out;
  };

  // Takes `.`, `..` and empty names out. `above`: whether a path may lead above where it starts.
  const squeeze = (path, above, sep, isSep) => {
    const names = list();
    let from = 0;
    for (let i = 0; i <= path.length; i++) {
      if (i < path.length && !isSep(path[i])) continue;
      const name = slice(path, from, i);
      from = i + 1;
      if (name === '' || name === '.') continue;
      if (name !== '..') names[names.length] = name;
      else if (names.length > 0 && names[names.length - 1] !== '..') names.length--;
      else if (above) names[names.length] = '..';
    }
    let out = '';
    for (let i = 0; i < names.length; i++) out += i === 0 ? names[i] : sep + names[i];
    return out;
  };

  // The last name of a path from `from` on: where it begins and ends. Separators after it do not count.
  const lastName = (path, from, isSep) => {
    let end = path.length;
    while (end > from && isSep(path[end - 1])) end--;
    let start = end;
    while (start > from && !isSep(path[start - 1])) start--;
    return { __proto__: null, start, end };
  };
  // Where the extension of a name begins; its end if it has none. `whole`: whether the name can be `..`, that is, whether
  // what stands before it was seen.
  const extension = (path, start, end, whole) => {
    for (let i = end - 1; i > start; i--) {
      if (path[i] !== '.') continue;
      return whole && end - start === 2 && path[start] === '.' ? end : i;
    }
    return end;
  };

  const basename = (path, suffix, from, isSep) => {
    const { start, end } = lastName(path, from, isSep);
    if (suffix !== undefined && suffix.length > 0 && suffix.length <= path.length) {
      if (suffix === path) return '';
      const name = slice(path, start, end);
      // What Node gives when the name ends before the suffix does: all that is there.
      if (name === '') return slice(path, from);
      const n = name.length, m = suffix.length;
      if (m < n && slice(name, n - m) === suffix) return slice(name, 0, n - m);
      if (n < m && slice(suffix, m - n) === name) return slice(path, start);
      return name;
    }
    return slice(path, start, end);
  };

  const format = (sep, object) => {
    if (object === null || typeof object !== 'object' || engine.classOf(object) === 'Array') {
      throw invalid('pathObject', 'object', object);
    }
    const dir = object.dir || object.root;
    let { base } = object;
    if (!base) {
      const name = object.name || '';
      const { ext } = object;
      base = ToString(name) + (ext ? (ext[0] === '.' ? '' : '.') + ToString(ext) : '');
    }
    if (!dir) return base;
    return dir === object.root ? ToString(dir) + ToString(base) : ToString(dir) + sep + ToString(base);
  };

  const matchesGlob = (path, pattern, windows) => {
    needString(path, 'path');
    needString(pattern, 'pattern');
    if (pattern.length > 65536) throw new p.TypeError('pattern is too long');
    return host.__path_matches(path, pattern, windows);
  };

  const joined = (args, sep) => {
    let out;
    for (let i = 0; i < args.length; i++) {
      needString(args[i], 'path');
      if (args[i].length > 0) out = out === undefined ? args[i] : out + sep + args[i];
    }
    return out;
  };

  const isSlash = (c) => c === '/';

  const posix = {
    resolve(...args) {
      let path = '';
      let absolute = false;
      for (let i = args.length - 1; i >= -1 && !absolute; i--) {
        const next = i >= 0 ? args[i] : host.__path_workingDirectory();
        needString(next, 'paths[' + i + ']');
        if (next.length === 0) continue;
        path = next + '/' + path;
        absolute = next[0] === '/';
      }
      path = squeeze(path, !absolute, '/', isSlash);
      if (absolute) return '/' + path;
      return path.length > 0 ? path : '.';
    },
    normalize(path) {
      needString(path, 'path');
      if (path.length === 0) return '.';
      const absolute = path[0] === '/', slash = path[path.length - 1] === '/';
      const out = squeeze(path, !absolute, '/', isSlash);
      if (out.length === 0) return absolute ? '/' : slash ? './' : '.';
      return (absolute ? '/' : '') + out + (slash ? '/' : '');
    },
    isAbsolute(path) {
      needString(path, 'path');
      return path.length > 0 && path[0] === '/';
    },
    join(...args) {
      const path = joined(args, '/');
      return path === undefined ? '.' : posixNormalize(path);
    },
    relative(from, to) {
      needString(from, 'from');
      needString(to, 'to');
      if (from === to) return '';
      from = posixResolve(from);
      to = posixResolve(to);
      if (from === to) return '';
      // Both begin with a slash. `common`: where the last name that they share ends.
      let common = 0;
      let i = 1;
      for (; i < from.length && i < to.length && from[i] === to[i]; i++) if (from[i] === '/') common = i;
      if ((i === from.length && (i === to.length || to[i] === '/')) || (i === to.length && from[i] === '/')) common = i;
      if (from === '/') common = 0;
      let ups = 0;
      if (from !== '/') {
        if (common < from.length) ups = 1;
        for (let j = common + 1; j < from.length; j++) if (from[j] === '/') ups++;
      }
      const rest = to === '/' ? '' : slice(to, common + 1);
      if (ups === 0) return rest;
      return '..' + times('/..', ups - 1) + (rest === '' ? '' : '/' + rest);
    },
    toNamespacedPath(path) { return path; },
    dirname(path) {
      needString(path, 'path');
      if (path.length === 0) return '.';
      let end = path.length;
      while (end > 1 && path[end - 1] === '/') end--;
      while (end > 1 && path[end - 1] !== '/') end--;
      // Either the place after the last slash before the name, or the beginning.
      if (end <= 1) return path[0] === '/' ? '/' : '.';
      end--;
      return end === 1 && path[0] === '/' ? '//' : slice(path, 0, end);
    },
    basename(path, suffix) {
      if (suffix !== undefined) needString(suffix, 'suffix');
      needString(path, 'path');
      return basename(path, suffix, 0, isSlash);
    },
    extname(path) {
      needString(path, 'path');
      const { start, end } = lastName(path, 0, isSlash);
      return slice(path, extension(path, start, end, true), end);
    },
    format: undefined,
    parse(path) {
      needString(path, 'path');
      const parsed = { root: '', dir: '', base: '', ext: '', name: '' };
      if (path.length === 0) return parsed;
      const absolute = path[0] === '/';
      const from = absolute ? 1 : 0;
      const { start, end } = lastName(path, from, isSlash);
      if (absolute) parsed.root = parsed.dir = '/';
      // The name is cut off with one separator; at the root there is none to cut off.
      if (start > from && start < end) parsed.dir = slice(path, 0, start - 1);
      const dot = extension(path, start, end, start > from || !absolute);
      parsed.base = slice(path, start, end);
      parsed.name = slice(path, start, dot);
      parsed.ext = slice(path, dot, end);
      return parsed;
    },
    matchesGlob(path, pattern) { return matchesGlob(path, pattern, false); },
    sep: '/',
    delimiter: ':',
    win32: null,
    posix: null,
  };
  const { normalize: posixNormalize, resolve: posixResolve } = posix;

  const isEither = (c) => c === '/' || c === '\\';
  const sepAt = (path, i) => i < path.length && isEither(path[i]);
  const driveAt = (path) => path.length > 1 && isLetter(path[0]) && path[1] === ':';
  const run = (path, from, sep) => {
    let i = from;
    while (i < path.length && isEither(path[i]) === sep) i++;
    return i;
  };

  // \\server\share: where the server's name ends and where that of the share begins and ends, which is where the next
  // separator stands, or the end. Nothing if a part is missing.
  const share = (path) => {
    if (!sepAt(path, 0) || !sepAt(path, 1)) return undefined;
    const server = run(path, 2, false);
    if (server === 2 || server === path.length) return undefined;
    const start = run(path, server, true);
    if (start === path.length) return undefined;
    return { __proto__: null, server: slice(path, 2, server), start, end: run(path, start, false) };
  };
  const isDevice = (server) => server === '.' || server === '?';

  // The device of a path (C:, \\server\share, \\?), where what comes after its root begins, whether it is absolute.
  const rootOf = (path) => {
    const root = { __proto__: null, device: '', end: 0, absolute: sepAt(path, 0), share: undefined };
    if (root.absolute) {
      if (path.length === 1 || !isEither(path[1])) {
        root.end = 1;
        return root;
      }
      root.share = share(path);
      if (root.share === undefined) return root;
      const { server, start, end } = root.share;
      if (isDevice(server)) {
        root.device = '\\\\' + server;
        root.end = 4;
      } else {
        root.device = '\\\\' + server + '\\' + slice(path, start, end);
        root.end = end;
      }
    } else if (driveAt(path)) {
      root.device = slice(path, 0, 2);
      root.absolute = sepAt(path, 2);
      root.end = root.absolute ? 3 : 2;
    }
    return root;
  };

  // CON, COM1 and their kin, which are files whatever their directory.
  const reserved = {
    __proto__: null,
    CON: true, PRN: true, AUX: true, NUL: true,
  };
  for (const prefix in { __proto__: null, COM: 0, LPT: 0 }) {
    for (let i = 1; i < 10; i++) reserved[prefix + i] = true;
    reserved[prefix + '\xb9'] = reserved[prefix + '\xb2'] = reserved[prefix + '\xb3'] = true;
  }
  const isReserved = (path, colon) => reserved[call(p.StringPrototypeToUpperCase, slice(path, 0, colon))] === true;

  // The end of the root for dirname and parse: 0 if there is none. `whole`: the path is nothing but \\server\share.
  const rootEnd = (path) => {
    if (driveAt(path)) return sepAt(path, 2) ? 3 : 2;
    if (!sepAt(path, 0)) return 0;
    const found = share(path);
    if (found === undefined) return 1;
    return found.end === path.length ? found.end : found.end + 1;
  };

  const win32 = {
    resolve(...args) {
      let device = '', tail = '', absolute = false;
      for (let i = args.length - 1; i >= -1; i--) {
        let path;
        if (i >= 0) {
          path = args[i];
          needString(path, 'paths[' + i + ']');
          if (path.length === 0) continue;
        } else {
          path = host.__path_workingDirectory();
          if (device.length > 0 && lower(slice(path, 0, 2)) !== lower(device) && path.length > 2 && path[2] === '\\') {
            path = device + '\\';
          }
        }
        const root = rootOf(path);
        if (root.device.length > 0) {
          if (device.length === 0) device = root.device;
          else if (lower(device) !== lower(root.device)) continue;
        }
        if (!absolute) {
          tail = slice(path, root.end) + '\\' + tail;
          absolute = root.absolute;
        }
        if (absolute && device.length > 0) break;
      }
      tail = squeeze(tail, !absolute, '\\', isEither);
      if (absolute) return device + '\\' + tail;
      return device + tail || '.';
    },
    normalize(path) {
      needString(path, 'path');
      const { length } = path;
      if (length === 0) return '.';
      if (length === 1) return path === '/' ? '\\' : path;
      const root = rootOf(path);
      const colon = call(p.StringPrototypeIndexOf, path, ':');
      let { device, end } = root;
      const { absolute } = root;
      const found = root.share;
      if (found !== undefined && found.end === length && !isDevice(found.server)) return device + '\\';
      if (!absolute && device === '' && colon > 0 && isReserved(path, colon)) {
        device = slice(path, 0, colon + 1);
        end = colon + 1;
      }
      let tail = end < length ? squeeze(slice(path, end), !absolute, '\\', isEither) : '';
      if (tail.length === 0 && !absolute) tail = '.';
      if (tail.length > 0 && isEither(path[length - 1])) tail += '\\';
      if (!absolute && device === '' && colon >= 0) {
        // What was no drive must not become one.
        if (driveAt(tail)) return '.\\' + tail;
        for (let at = colon; at >= 0; at = call(p.StringPrototypeIndexOf, path, ':', at + 1)) {
          if (at === length - 1 || isEither(path[at + 1])) return '.\\' + tail;
        }
      }
      if (isReserved(path, colon)) return '.\\' + device + tail;
      return absolute ? device + '\\' + tail : device + tail;
    },
    isAbsolute(path) {
      needString(path, 'path');
      return sepAt(path, 0) || (driveAt(path) && sepAt(path, 2));
    },
    join(...args) {
      let path = joined(args, '\\');
      if (path === undefined) return '.';
      // Two separators in front make the path of a server only if the first argument says so.
      let first = 0;
      while (args[first].length === 0) first++;
      const head = args[first];
      const isServer = head.length > 2 && isEither(head[0]) && isEither(head[1]) && !isEither(head[2]);
      if (!isServer) {
        const separators = run(path, 0, true);
        if (separators >= 2) path = '\\' + slice(path, separators);
      }
      return win32Normalize(path);
    },
    relative(from, to) {
      needString(from, 'from');
      needString(to, 'to');
      if (from === to) return '';
      const fromPath = win32Resolve(from), toPath = win32Resolve(to);
      if (fromPath === toPath) return '';
      from = lower(fromPath);
      to = lower(toPath);
      if (from === to) return '';
      return from.length === fromPath.length && to.length === toPath.length
        ? between(fromPath, toPath, from, to) : betweenNames(fromPath, toPath);
    },
    toNamespacedPath(path) {
      if (typeof path !== 'string' || path.length === 0) return path;
      const full = win32Resolve(path);
      if (full.length <= 2) return path;
      if (full[0] === '\\') {
        if (full[1] === '\\' && !isDevice(full[2])) return '\\\\?\\UNC\\' + slice(full, 2);
      } else if (driveAt(full) && full[2] === '\\') {
        return '\\\\?\\' + full;
      }
      return full;
    },
    dirname(path) {
      needString(path, 'path');
      const { length } = path;
      if (length === 0) return '.';
      if (length === 1) return isEither(path) ? path : '.';
      const root = rootEnd(path);
      if (root === length && sepAt(path, 0) && sepAt(path, 1)) return path;
      const from = root;
      let end = length;
      while (end > from && isEither(path[end - 1])) end--;
      while (end > from && !isEither(path[end - 1])) end--;
      if (end > from) return slice(path, 0, end - 1);
      return root === 0 ? '.' : slice(path, 0, root);
    },
    basename(path, suffix) {
      if (suffix !== undefined) needString(suffix, 'suffix');
      needString(path, 'path');
      return basename(path, suffix, driveAt(path) ? 2 : 0, isEither);
    },
    extname(path) {
      needString(path, 'path');
      const { start, end } = lastName(path, driveAt(path) ? 2 : 0, isEither);
      return slice(path, extension(path, start, end, true), end);
    },
    format: undefined,
    parse(path) {
      needString(path, 'path');
      const parsed = { root: '', dir: '', base: '', ext: '', name: '' };
      if (path.length === 0) return parsed;
      const root = rootEnd(path);
      parsed.root = parsed.dir = slice(path, 0, root);
      const { start, end } = lastName(path, root, isEither);
      if (start > root && start < end) parsed.dir = slice(path, 0, start - 1);
      const dot = extension(path, start, end, true);
      parsed.base = slice(path, start, end);
      parsed.name = slice(path, start, dot);
      parsed.ext = slice(path, dot, end);
      return parsed;
    },
    matchesGlob(path, pattern) { return matchesGlob(path, pattern, true); },
    sep: '\\',
    delimiter: ';',
    win32: null,
    posix: null,
  };
  const { normalize: win32Normalize, resolve: win32Resolve } = win32;

  // The way from one resolved path to another; `a` and `b` are the two in small letters.
  const between = (fromPath, toPath, a, b) => {
    let aStart = 0, bStart = 0;
    while (aStart < a.length && a[aStart] === '\\') aStart++;
    while (bStart < b.length && b[bStart] === '\\') bStart++;
    let aEnd = a.length, bEnd = b.length;
    while (aEnd - 1 > aStart && a[aEnd - 1] === '\\') aEnd--;
    while (bEnd - 1 > bStart && b[bEnd - 1] === '\\') bEnd--;
    const aLength = aEnd - aStart, bLength = bEnd - bStart;
    const shorter = aLength < bLength ? aLength : bLength;
    // Where the last separator stands that both have at the same place.
    let common = -1;
    let i = 0;
    for (; i < shorter && a[aStart + i] === b[bStart + i]; i++) if (a[aStart + i] === '\\') common = i;
    if (i !== shorter) {
      // Not even the device is the same.
      if (common === -1) return toPath;
    } else {
      if (bLength > shorter) {
        // `a` is a directory above `b`, or the device alone.
        if (b[bStart + i] === '\\') return slice(toPath, bStart + i + 1);
        if (i === 2) return slice(toPath, bStart + i);
      }
      if (aLength > shorter) {
        if (a[aStart + i] === '\\') common = i;
        else if (i === 2) common = 3;
      }
      if (common === -1) common = 0;
    }
    let out = '';
    for (let j = aStart + common + 1; j <= aEnd; j++) {
      if (j === aEnd || a[j] === '\\') out += out.length === 0 ? '..' : '\\..';
    }
    let start = bStart + common;
    if (out.length > 0) return out + slice(toPath, start, bEnd);
    if (start < toPath.length && toPath[start] === '\\') start++;
    return slice(toPath, start, bEnd);
  };

  const namesOf = (path) => {
    const names = list();
    let from = 0;
    for (let i = 0; i <= path.length; i++) {
      if (i < path.length && path[i] !== '\\') continue;
      names[names.length] = slice(path, from, i);
      from = i + 1;
    }
    if (names[names.length - 1] === '') names.length--;
    return names;
  };
  // The same by names, for paths whose length changes in small letters.
  const betweenNames = (fromPath, toPath) => {
    const from = namesOf(fromPath), to = namesOf(toPath);
    const shorter = from.length < to.length ? from.length : to.length;
    let common = 0;
    while (common < shorter && lower(from[common]) === lower(to[common])) common++;
    if (common === 0) return toPath;
    let rest = '';
    for (let i = common; i < to.length; i++) rest += i === common ? to[i] : '\\' + to[i];
    if (common === shorter) {
      if (to.length > shorter) return rest;
      return from.length > shorter ? times('..\\', from.length - 1 - common) + '..' : '';
    }
    return times('..\\', from.length - common) + rest;
  };

  const finish = (flavor) => {
    const { sep } = flavor;
    // Node's is a bound function, and says so.
    const bound = { f(pathObject) { return format(sep, pathObject); } }.f;
    p.ObjectDefineProperty(bound, 'name', { __proto__: null, value: 'bound _format', configurable: true });
    flavor.format = bound;
    p.ObjectDefineProperty(flavor.join, 'length', { __proto__: null, value: 0, configurable: true });
    flavor.win32 = win32;
    flavor.posix = posix;
    p.ObjectDefineProperty(flavor, '_makeLong',
      { __proto__: null, value: flavor.toNamespacedPath, writable: true, enumerable: true, configurable: true });
  };
  finish(posix);
  finish(win32);

  p.path = { __proto__: null, path: posix };
  // What the modules export: made when they are first imported, from the functions as they are by then.
  const exportsOf = (flavor) => () => {
    const exports = { __proto__: null, default: flavor };
    const keys = p.ReflectOwnKeys(flavor);
    for (let i = 0; i < keys.length; i++) {
      if (typeof keys[i] === 'string' && keys[i] !== 'default') exports[keys[i]] = flavor[keys[i]];
    }
    return exports;
  };
  return { posix: exportsOf(posix), win32: exportsOf(win32) };
})
