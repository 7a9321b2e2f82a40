using System.Globalization;
using System.Text;
using Vitrine.X86.Paging;
using L = Vitrine.Tests.Software.Mmu.Stress.StressLayout;

namespace Vitrine.Tests.Software.Mmu.Stress;

/// <summary>A sequence for people.</summary>
internal static class StressText
{
    private static readonly CultureInfo _culture = CultureInfo.InvariantCulture;

    public static string Describe(StressCase test)
    {
        StringBuilder text = new();
        text.AppendLine(_culture, $"{test.Paging}, cr0={test.Cr0:x} cr3={test.Cr3:x} cr4={test.Cr4:x} efer={test.Efer:x} pkru={test.Pkru:x} pkrs={test.Pkrs:x}");
        int size = test.Paging == PagingMode.Bits32 ? 4 : 8;
        for (int page = 0; page < L.PoolPages; page++)
        {
            for (int offset = 0; offset < 0x1000; offset += size)
            {
                ulong entry = size == 4 ? BitConverter.ToUInt32(test.Pool, (page << 12) + offset) : BitConverter.ToUInt64(test.Pool, (page << 12) + offset);
                if (entry == 0 || entry == StressGenerator.Pattern(page, offset)) continue;
                if (page >= L.FirstData && size == 4) continue;
                if (offset is >= L.KernelStub and < L.UserStub + 8) continue;
                text.AppendLine(_culture, $"  page {page,2} ({L.PoolPage(page):x}), entry {offset / size,4}: {Entry(entry)}");
            }
        }

        for (int i = 0; i < test.Steps.Count; i++) text.AppendLine(_culture, $"  {i,3}. {Step(test.Steps[i])}");
        return text.ToString();
    }

    private static string Entry(ulong entry) => string.Create(_culture, $"{entry:x}");

    private static string Step(in StressStep step)
    {
        string who = (step.User ? " at level 3" : "") + (step.Ac ? " with AC" : "");
        return step.Operation switch
        {
            StressOperation.Read => string.Create(_culture, $"read {step.Size} bytes at {step.Linear:x}{who}"),
            StressOperation.Write when step.Size == 16 => string.Create(_culture, $"write 16 bytes at {step.Linear:x}: {step.Value:x}, {step.Other:x}{who}"),
            StressOperation.Write => string.Create(_culture, $"write {step.Size} bytes at {step.Linear:x}: {Low(step.Value, step.Size):x}{who}"),
            StressOperation.ExchangeAdd => string.Create(_culture, $"lock xadd {step.Size} bytes at {step.Linear:x}: {Low(step.Value, step.Size):x}{who}"),
            StressOperation.CompareExchange => string.Create(_culture, $"lock cmpxchg8b at {step.Linear:x}: {step.Value:x} to {step.Other:x}{who}"),
            StressOperation.RepeatStore => string.Create(_culture, $"rep stos {step.Count} times {step.Size} bytes at {step.Linear:x}: {Low(step.Value, step.Size):x}{who}"),
            StressOperation.RepeatMove => string.Create(_culture, $"rep movs {step.Count} times {step.Size} bytes to {step.Linear:x}: {step.Value:x}, {step.Other:x}{who}"),
            StressOperation.Fetch => string.Create(_culture, $"call {step.Linear:x}{who}"),
            StressOperation.InvalidatePage => string.Create(_culture, $"invlpg {step.Linear:x}"),
            StressOperation.InvalidateContext => string.Create(_culture, $"invpcid type {step.Size}, pcid {step.Value}, {step.Linear:x}"),
            StressOperation.LoadCr0 => string.Create(_culture, $"mov cr0, {step.Value:x}"),
            StressOperation.LoadCr3 => string.Create(_culture, $"mov cr3, {step.Value:x}"),
            StressOperation.LoadCr4 => string.Create(_culture, $"mov cr4, {step.Value:x}"),
            StressOperation.LoadCr4AndFlush => string.Create(_culture, $"mov cr4, {step.Value:x}; flush by cr4.pge"),
            StressOperation.LoadEferAndFlush => string.Create(_culture, $"wrmsr efer, {step.Value:x}; flush by cr4.pge"),
            StressOperation.LoadPkru => string.Create(_culture, $"wrpkru {step.Value:x}{who}"),
            StressOperation.LoadPkrs => string.Create(_culture, $"wrmsr pkrs, {step.Value:x}"),
            _ => "leave long mode, cr0.pg off and on, and back",
        };
    }

    private static ulong Low(ulong value, int size) => size == 8 ? value : value & ((1UL << (size * 8)) - 1);
}
