// expect: error
JSON.stringify({ toJSON() { return JSON.stringify(this); } });
