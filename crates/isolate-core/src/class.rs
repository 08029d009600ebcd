//! Classes whose instances have their state on the host.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use futures_util::FutureExt;
use isolate_engine::{Charge, DomExceptionName, HostError, HostFunction, Object, Value};

use crate::function::Args;
use crate::{Context, Error, FromArg, HostFn, IntoValue};

/// The instances of one class in one context.
pub(crate) trait Instances {
    fn clear(&self);
    fn len(&self) -> usize;
}

struct Table<T> {
    name: String,
    next: Cell<u32>,
    live: RefCell<HashMap<u32, (Instance<T>, Charge)>>,
}

impl<T> Instances for Table<T> {
    fn clear(&self) {
        // The state's own drop may use the table.
        let gone = std::mem::take(&mut *self.live.borrow_mut());
        self.next.set(1);
        drop(gone);
    }

    fn len(&self) -> usize {
        self.live.borrow().len()
    }
}

impl<T: 'static> Table<T> {
    fn add(&self, context: &Context, state: T) -> Result<Value, HostError> {
        // The state's own heap cannot be seen from here; the host charges it if it matters.
        let charge = context.charge(size_of::<T>() + 64)?;
        let mut live = self.live.borrow_mut();
        let mut id = self.next.get();
        while live.contains_key(&id) {
            id = id.wrapping_add(1).max(1);
        }
        self.next.set(id.wrapping_add(1).max(1));
        live.insert(id, (Instance(Rc::new(RefCell::new(state))), charge));
        Ok(Value::from(id))
    }

    fn get(&self, args: &mut Args<'_>) -> Result<Instance<T>, HostError> {
        let id = u32::from_arg(args)?;
        args.hide_taken();
        let live = self.live.borrow();
        live.get(&id).map(|(instance, _)| instance.clone()).ok_or_else(|| {
            let message = format!("the state of this {} was cleared by the host", self.name);
            HostError::dom(DomExceptionName::InvalidStateError, message)
        })
    }
}

/// The host state of one guest object: a shared cell, for async methods, which may be suspended while other methods
/// run.
pub struct Instance<T>(Rc<RefCell<T>>);

impl<T> Clone for Instance<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for Instance<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Instance")
    }
}

impl<T> Instance<T> {
    /// Borrows the state.
    ///
    /// # Errors
    /// An `InvalidStateError` if it is mutably borrowed.
    pub fn borrow(&self) -> Result<impl Deref<Target = T> + '_, HostError> {
        self.0.try_borrow().map_err(|_| busy())
    }

    /// Borrows the state mutably. Do not hold it across an await.
    ///
    /// # Errors
    /// An `InvalidStateError` if it is borrowed.
    pub fn borrow_mut(&self) -> Result<impl DerefMut<Target = T> + '_, HostError> {
        self.0.try_borrow_mut().map_err(|_| busy())
    }
}

fn busy() -> HostError {
    HostError::dom(DomExceptionName::InvalidStateError, "the object is in use by a call that has not returned")
}

/// A closure that can be a method: `&mut T` and then up to six [`FromArg`] parameters.
pub trait MethodFn<T, A>: 'static {
    /// What it returns.
    type Output;
    /// How many parameters it has besides the state.
    const LENGTH: u8;
    /// Takes its arguments and calls it.
    ///
    /// # Errors
    /// If an argument is of the wrong kind.
    fn invoke(&self, this: &mut T, args: &mut Args<'_>) -> Result<Self::Output, HostError>;
}

macro_rules! method_fn {
    ($n:literal: $($a:ident)*) => {
        impl<F, T, R, $($a: FromArg),*> MethodFn<T, ($($a,)*)> for F
        where F: Fn(&mut T, $($a),*) -> R + 'static {
            type Output = R;
            const LENGTH: u8 = $n;
            #[allow(non_snake_case, unused_variables)]
            fn invoke(&self, this: &mut T, args: &mut Args<'_>) -> Result<R, HostError> {
                $(let $a = $a::from_arg(args)?;)*
                Ok(self(this, $($a),*))
            }
        }
    };
}
method_fn!(0:);
method_fn!(1: A1);
method_fn!(2: A1 A2);
method_fn!(3: A1 A2 A3);
method_fn!(4: A1 A2 A3 A4);
method_fn!(5: A1 A2 A3 A4 A5);
method_fn!(6: A1 A2 A3 A4 A5 A6);

/// A closure that can be an async method: [`Instance`] and then up to six [`FromArg`] parameters.
pub trait AsyncMethodFn<T, A>: 'static {
    /// The future it returns.
    type Output;
    /// How many parameters it has besides the state.
    const LENGTH: u8;
    /// Takes its arguments and calls it.
    ///
    /// # Errors
    /// If an argument is of the wrong kind.
    fn invoke(&self, this: Instance<T>, args: &mut Args<'_>) -> Result<Self::Output, HostError>;
}

macro_rules! async_method_fn {
    ($n:literal: $($a:ident)*) => {
        impl<F, T, R, $($a: FromArg),*> AsyncMethodFn<T, ($($a,)*)> for F
        where F: Fn(Instance<T>, $($a),*) -> R + 'static {
            type Output = R;
            const LENGTH: u8 = $n;
            #[allow(non_snake_case, unused_variables)]
            fn invoke(&self, this: Instance<T>, args: &mut Args<'_>) -> Result<R, HostError> {
                $(let $a = $a::from_arg(args)?;)*
                Ok(self(this, $($a),*))
            }
        }
    };
}
async_method_fn!(0:);
async_method_fn!(1: A1);
async_method_fn!(2: A1 A2);
async_method_fn!(3: A1 A2 A3);
async_method_fn!(4: A1 A2 A3 A4);
async_method_fn!(5: A1 A2 A3 A4 A5);
async_method_fn!(6: A1 A2 A3 A4 A5 A6);

/// The result of a constructor or a factory: the state, or an error that is thrown.
pub trait IntoState<T> {
    /// The state.
    ///
    /// # Errors
    /// Reach the guest as a throw.
    fn into_state(self) -> Result<T, HostError>;
}

impl<T> IntoState<T> for T {
    fn into_state(self) -> Result<T, HostError> {
        Ok(self)
    }
}

impl<T, E: Into<HostError>> IntoState<T> for Result<T, E> {
    fn into_state(self) -> Result<T, HostError> {
        self.map_err(Into::into)
    }
}

type Make<T> = Box<dyn FnOnce(&Context, &Rc<Table<T>>) -> Result<HostFunction, Error>>;

enum Body<T> {
    Function(Make<T>),
    Value(Value),
}

struct Member<T> {
    kind: &'static str,
    key: String,
    is_static: bool,
    body: Body<T>,
}

/// A guest class whose instances have a `T` on the host. Give it to [`Context::define_class`].
///
/// ```
/// # use isolate_core::{Class, Context, HostError, Instance};
/// # fn show(ctx: &Context) -> Result<(), isolate_core::Error> {
/// struct Counter { n: f64 }
/// ctx.define_class(
///     Class::new("Counter", |start: Option<f64>| Counter { n: start.unwrap_or(0.0) })
///         .method("add", |this: &mut Counter, by: f64| { this.n += by; this.n })
///         .getter("value", |this: &mut Counter| this.n)
///         .setter("value", |this: &mut Counter, n: f64| this.n = n)
///         .async_method("later", |this: Instance<Counter>| async move {
///             tokio::task::yield_now().await;
///             Ok::<_, HostError>(this.borrow()?.n)
///         })
///         .static_property("MAX", 100.0),
/// )?;
/// # Ok(()) }
/// ```
pub struct Class<T> {
    name: String,
    parent: Option<String>,
    length: u8,
    construct: Make<T>,
    members: Vec<Member<T>>,
    state: PhantomData<T>,
}

impl<T> fmt::Debug for Class<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Class({})", self.name)
    }
}

impl<T: 'static> Class<T> {
    /// A class with a constructor, which makes the state from the arguments of `new`.
    pub fn new<A: 'static, F: HostFn<A>>(name: impl Into<String>, construct: F) -> Self
    where
        F::Output: IntoState<T>,
    {
        let name = name.into();
        let host_name = format!("__{name}_construct");
        let make = move |context: &Context, table: &Rc<Table<T>>| {
            let table = table.clone();
            Ok(context.host_function(&host_name, F::LENGTH, move |args| {
                let context = Context::from_arg(args)?;
                table.add(&context, construct.invoke(args)?.into_state()?)
            }))
        };
        Self {
            name,
            parent: None,
            length: F::LENGTH,
            construct: Box::new(make),
            members: Vec::new(),
            state: PhantomData,
        }
    }

    /// A class that the guest cannot construct: its instances come from factories.
    pub fn without_constructor(name: impl Into<String>) -> Self {
        Self::new(name, || Err::<T, _>(HostError::type_error("Illegal constructor")))
    }

    /// Lets it extend another class: one defined before, or a constructor on the global object. The parent's
    /// constructor gets the same arguments, and both keep their own state.
    #[must_use]
    pub fn extends(mut self, parent: impl Into<String>) -> Self {
        self.parent = Some(parent.into());
        self
    }

    fn member(
        mut self,
        kind: &'static str,
        operation: &str,
        key: &str,
        is_static: bool,
        make: impl FnOnce(&Context, &str, &Rc<Table<T>>) -> HostFunction + 'static,
    ) -> Self {
        let host_name = format!("__{}_{operation}{key}", self.name);
        let make = move |context: &Context, table: &Rc<Table<T>>| Ok(make(context, &host_name, table));
        self.members.push(Member { kind, key: key.to_owned(), is_static, body: Body::Function(Box::new(make)) });
        self
    }

    fn with_state<A: 'static, F: MethodFn<T, A>>(
        self,
        kind: &'static str,
        operation: &str,
        key: &str,
        f: F,
        finish: impl Fn(&Context, &Rc<Table<T>>, F::Output) -> Result<Value, HostError> + 'static,
    ) -> Self {
        self.member(kind, operation, key, false, move |context, name, table| {
            let table = table.clone();
            context.host_function(name, F::LENGTH, move |args| {
                let context = Context::from_arg(args)?;
                let instance = table.get(args)?;
                let output = f.invoke(&mut *instance.borrow_mut()?, args)?;
                finish(&context, &table, output)
            })
        })
    }

    /// A method.
    #[must_use]
    pub fn method<A: 'static, F: MethodFn<T, A>>(self, key: &str, f: F) -> Self
    where
        F::Output: IntoValue,
    {
        self.with_state("method", "", key, f, |_, _, output| output.into_value())
    }

    /// A method that returns a new instance of the class.
    #[must_use]
    pub fn factory<A: 'static, F: MethodFn<T, A>>(self, key: &str, f: F) -> Self
    where
        F::Output: IntoState<T>,
    {
        self.with_state("factory", "", key, f, |context, table, output| table.add(context, output.into_state()?))
    }

    /// A getter.
    #[must_use]
    pub fn getter<F: MethodFn<T, ()>>(self, key: &str, f: F) -> Self
    where
        F::Output: IntoValue,
    {
        self.with_state("get", "get_", key, f, |_, _, output| output.into_value())
    }

    /// A setter.
    #[must_use]
    pub fn setter<A: 'static, F: MethodFn<T, (A,)>>(self, key: &str, f: F) -> Self
    where
        F::Output: IntoValue,
    {
        self.with_state("set", "set_", key, f, |_, _, output| output.into_value())
    }

    /// A method that returns a promise.
    #[must_use]
    pub fn async_method<A: 'static, F: AsyncMethodFn<T, A>>(self, key: &str, f: F) -> Self
    where
        F::Output: Future + 'static,
        <F::Output as Future>::Output: IntoValue,
    {
        self.member("async", "", key, false, move |context, name, table| {
            let (table, host_name): (_, Rc<str>) = (table.clone(), name.into());
            context
                .host_function(name, F::LENGTH, move |args| {
                    let context = Context::from_arg(args)?;
                    let instance = table.get(args)?;
                    let future = f.invoke(instance, args)?;
                    context.start_future(&host_name, false, future.map(IntoValue::into_value))
                })
                .promise()
        })
    }

    /// A static method.
    #[must_use]
    pub fn static_method<A: 'static, F: HostFn<A>>(self, key: &str, f: F) -> Self
    where
        F::Output: IntoValue,
    {
        self.member("method", "static_", key, true, move |context, name, _| context.function(name, f))
    }

    /// A static method that returns a promise.
    #[must_use]
    pub fn static_async_method<A: 'static, F: HostFn<A>>(self, key: &str, f: F) -> Self
    where
        F::Output: Future + 'static,
        <F::Output as Future>::Output: IntoValue,
    {
        self.member("async", "static_", key, true, move |context, name, _| context.async_function(name, f))
    }

    /// A static method that returns a new instance of the class.
    #[must_use]
    pub fn static_factory<A: 'static, F: HostFn<A>>(self, key: &str, f: F) -> Self
    where
        F::Output: IntoState<T>,
    {
        self.member("factory", "static_", key, true, move |context, name, table| {
            let table = table.clone();
            context.host_function(name, F::LENGTH, move |args| {
                let context = Context::from_arg(args)?;
                table.add(&context, f.invoke(args)?.into_state()?)
            })
        })
    }

    /// A static property, which the guest cannot change.
    #[must_use]
    pub fn static_property(mut self, key: &str, value: impl Into<Value>) -> Self {
        let body = Body::Value(value.into());
        self.members.push(Member { kind: "value", key: key.to_owned(), is_static: true, body });
        self
    }
}

impl Context {
    /// Defines a class on the global object.
    ///
    /// The state of an instance is freed when the guest object is collected, and at the latest with the context.
    ///
    /// # Errors
    /// If its parent is not defined, or the context is stopped.
    pub fn define_class<T: 'static>(&self, class: Class<T>) -> Result<(), Error> {
        let table = Rc::new(Table {
            name: class.name.clone(),
            next: Cell::new(1),
            live: RefCell::<HashMap<u32, (Instance<T>, Charge)>>::default(),
        });
        let function = |f: HostFunction| self.run(|engine| engine.new_function(f));
        let construct = function((class.construct)(self, &table)?)?;
        let released = table.clone();
        let release = self.host_function(&format!("__{}_release", class.name), 1, move |args| {
            let id = u32::from_arg(args)?;
            let gone = released.live.borrow_mut().remove(&id);
            drop(gone);
            Ok(Value::Undefined)
        });
        let release = function(release)?;
        let mut members = Vec::with_capacity(class.members.len());
        for member in class.members {
            let mut entry = Object::new();
            entry.insert("kind", member.kind);
            entry.insert("key", member.key);
            entry.insert("isStatic", member.is_static);
            match member.body {
                Body::Value(v) => entry.insert("value", v),
                Body::Function(make) => entry.insert("f", function(make(self, &table)?)?),
            };
            members.push(entry);
        }
        let mut spec = Object::new();
        spec.insert("name", class.name);
        spec.insert("length", u32::from(class.length));
        spec.insert("parent", class.parent);
        spec.insert("construct", construct);
        spec.insert("release", release);
        spec.insert("members", members);
        let define = self.define_class_glue()?;
        self.run(|engine| engine.call(&define, vec![spec.into()]))?;
        let table: Rc<dyn Instances> = table;
        self.0.instances.borrow_mut().push(Rc::downgrade(&table));
        Ok(())
    }

    /// How many instances with host state there are, of all classes.
    pub fn instance_count(&self) -> usize {
        self.0.instances.borrow().iter().filter_map(|t| t.upgrade()).map(|t| t.len()).sum()
    }

    /// Forgets the host state of every instance in this context and begins their numbers anew. Guest objects that
    /// are still there throw an `InvalidStateError` when they are used.
    pub fn clear_instance_state(&self) {
        let tables: Vec<_> = self.0.instances.borrow().iter().filter_map(|t| t.upgrade()).collect();
        tables.iter().for_each(|t| t.clear());
    }
}
