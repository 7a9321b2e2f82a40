using Vitrine.Accelerators;
using Vitrine.Accelerators.Software;
using Vitrine.Memory;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Processors.SmpMachine;

namespace Vitrine.Tests.Software.Processors;

/// <summary>What is kept of memory for all vCPUs: the dirty log, and what was decoded of it.</summary>
public abstract class SharedMemoryTests(SoftwareEngine engine)
{
    /// <summary>Behind a look at the dirty log every vCPU's next write is noted again.</summary>
    [Fact]
    public void EveryVcpuNotesItsWritesBehindALookAtTheLog()
    {
        const int Looks = 50;
        const int Vcpus = 3;
        using M m = new(engine, Vcpus, MemorySlotFlags.LogDirtyPages);
        m.Place(M.Code, a =>
        {
            Iced.Intel.Label next = a.CreateLabel();
            a.mov(esi, edi);
            a.shl(esi, 12);
            a.Label(ref next);
            a.inc(__qword_ptr[rsi + (int)M.Data]);
            a.cmp(__dword_ptr[M.Data + 0x800], 0);
            a.je(next);
            a.hlt();
        });
        ulong[] bitmap = new ulong[m.Ram.Size >> 12 >> 6];
        string? missing = null;
        Thread looker = new(() =>
        {
            for (int look = 0; look < Looks && missing is null; look++)
            {
                m.Accelerator.GetDirtyLog(m.Ram, bitmap);
                ulong[] counts = [.. Enumerable.Range(0, Vcpus).Select(Count)];
                for (int id = 0; id < Vcpus; id++)
                {
                    while (Count(id) == counts[id]) Thread.Yield();
                }

                m.Accelerator.GetDirtyLog(m.Ram, bitmap);
                for (int id = 0; id < Vcpus; id++)
                {
                    int page = (int)(M.Data >> 12) + id;
                    if ((bitmap[page >> 6] & (1UL << page)) == 0) missing = $"the write of vCPU {id} in look {look}";
                }
            }

            m.Store(M.Data + 0x800, 1);
        })
        { IsBackground = true };
        looker.Start();
        m.Run(M.Code);
        looker.Join();
        Assert.Null(missing);

        ulong Count(int id) => m.Read(M.Data + ((ulong)id << 12));
    }

    /// <summary>Whoever puts the state of one vCPU may have written to memory: the others must not run what they decoded before.</summary>
    [Fact]
    public void APutOfOneVcpuConcernsTheCodeOfAll()
    {
        using M m = new(engine, 2);
        m.Place(M.Code, a =>
        {
            a.mov(ebx, 1);
            a.hlt();
            a.mov(ebx, 1);
            a.hlt();
        });
        m.Run(M.Code);
        m.Run(M.Code);
        m.Store(M.Code + 1, 2, 4);
        SoftwareVcpu first = m.Vcpus[0];
        SoftwareVcpu second = m.Vcpus[1];
        foreach (SoftwareVcpu vcpu in m.Vcpus) m.States[vcpu.Id].Rip = M.Code;

        // The second one's state is put before the write, the first one's behind it.
        m.Store(M.Code + 1, 1, 4);
        m.States[1].MpState = MpState.Runnable;
        second.PutState(m.States[1], PutLevel.Full);
        m.Store(M.Code + 1, 2, 4);
        m.States[0].MpState = MpState.Runnable;
        first.PutState(m.States[0], PutLevel.Full);
        m.Resume();
        Assert.Equal((2ul, 2ul), (m.States[0].Gpr[Gpr.Rbx], m.States[1].Gpr[Gpr.Rbx]));
    }

    public sealed class ByInterpreter() : SharedMemoryTests(SoftwareEngine.Interpreter);

    public sealed class ByTranslator() : SharedMemoryTests(SoftwareEngine.Translator);
}
