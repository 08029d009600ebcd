use isolate_runtime::*;
use std::time::*;
fn main(){
  let mut sums=[0u128;8]; let n=500;
  for i in 0..n+50 {
    let t0=Instant::now();
    let e = QuickJs::new().new_context(&Limits::new()).unwrap();
    let t1=Instant::now(); drop(e); let t2=Instant::now();
    let ctx=Context::new(&QuickJs::new(), ContextOptions::new()).unwrap();
    let t3=Instant::now();
    setup_core(&ctx).unwrap(); let t4=Instant::now();
    setup_console(&ctx, Default::default()).unwrap(); let t5=Instant::now();
    setup_timers(&ctx, Default::default()).unwrap(); let t6=Instant::now();
    ctx.evaluate("1+1","x").unwrap(); let t7=Instant::now();
    drop(ctx); let t8=Instant::now();
    if i>=50 { for (k,(a,b)) in [(t0,t1),(t1,t2),(t2,t3),(t3,t4),(t4,t5),(t5,t6),(t6,t7),(t7,t8)].iter().enumerate(){ sums[k]+=(*b-*a).as_nanos(); } }
  }
  for (k,name) in ["engine ctx","engine drop","Context::new","core","console","timers","eval","drop"].iter().enumerate(){ println!("{name}: {:.1}us", sums[k] as f64/n as f64/1000.0); }
}
