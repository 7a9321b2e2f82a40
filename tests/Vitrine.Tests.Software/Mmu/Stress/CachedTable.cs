namespace Vitrine.Tests.Software.Mmu.Stress;

/// <summary>What a paging-structure cache may hold: the table to go on with, and the rights above it (SDM vol. 3, 4.10.3.1).</summary>
internal readonly record struct CachedTable(ulong Table, Rights Rights);
