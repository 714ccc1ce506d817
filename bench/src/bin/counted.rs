//! The servers of this package with an allocator that counts. It is a program of its own, because to
//! count takes longer than to allocate.

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

fn main() -> bench::Result {
    let _counting = dhat::Profiler::builder().testing().build();
    let name = std::env::args().nth(1).ok_or("usage: counted SERVER")?;
    bench::serve(&name, Some(|| dhat::HeapStats::get().total_blocks))
}
