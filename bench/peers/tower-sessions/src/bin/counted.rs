//! The same, counting allocations.

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let _counting = dhat::Profiler::builder().testing().build();
    peer_tower_sessions::run(Some(|| dhat::HeapStats::get().total_blocks))
}
